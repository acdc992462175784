// SPDX-License-Identifier: Apache-2.0
internal import Conversion
internal import Files
internal import JSONDocument
internal import Merging
internal import PEFT
internal import Tensors

extension MergeRun {
  /// The schema is in spec/merging.md.
  func writeJSON(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.beginObject()
    output.writer.member("base", plan.job.base.path)
    output.writer.member("destination", plan.job.destination)
    output.writer.key("adapters")
    output.writer.beginArray()
    for source in plan.job.sources {
      output.writer.beginObject()
      output.writer.member("path", source.adapter.directory.path)
      output.writer.member("scale", source.scale)
      output.writer.endObject()
    }
    output.writer.endArray()
    output.writer.member("like", plan.job.options.style.rawValue)
    output.writer.member("sum_first", plan.job.options.sumsFirst)
    output.writer.member("dry_run", result == nil)
    output.writer.key("files")
    output.writer.beginArray()
    for file in plan.conversion.files {
      output.writer.beginObject()
      output.writer.member("name", file.name.string)
      output.writer.member("action", file.action)
      output.writer.member("byte_count", try plan.conversion.byteCount(of: file))
      output.writer.endObject()
    }
    output.writer.endArray()
    try writeModules(to: &output)
    output.writer.key("total")
    output.writer.survival(result?.total)
    output.writer.key("warnings")
    output.writer.beginArray()
    for warning in result?.warnings ?? [] { output.writer.string(warning.text) }
    output.writer.endArray()
    output.writer.endObject()
  }

  private func writeModules(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.key("modules")
    output.writer.beginArray()
    let changes: [(module: MergedModule, outcome: MergeReport.Module?)] =
      result.map { $0.modules.map { ($0.module, $0) } } ?? plan.modules.map { ($0, nil) }
    for (module, outcome) in changes {
      output.writer.beginObject()
      output.writer.member("name", module.name)
      output.writer.member("kind", module.kind)
      output.writer.member("adapter", module.adapter)
      output.writer.member("tensor", module.tensor.string)
      output.writer.member("dtype", module.dtype.name)
      output.writer.member("change", module.change.kindName)
      output.writer.member("rank", module.change.rank)
      output.writer.member("scale", module.change.scale)
      output.writer.key("finite")
      if let outcome { output.writer.bool(outcome.isFinite) } else { output.writer.null() }
      output.writer.key("survival")
      output.writer.survival(outcome?.survival)
      output.writer.endObject()
      try output.flushIfLarge()
    }
    output.writer.endArray()
  }
}

extension JSONWriter {
  fileprivate mutating func survival(_ survival: Survival?) {
    guard let survival else { return null() }
    beginObject()
    member("kept", survival.kept)
    member("ratio", survival.share)
    member("angle", survival.angle)
    member("changed", survival.changedShare)
    member("delta_norm", survival.deltaSquares.squareRoot())
    member("added_norm", survival.addedSquares.squareRoot())
    member("element_count", survival.elementCount)
    member("changed_count", survival.changedCount)
    endObject()
  }
}
