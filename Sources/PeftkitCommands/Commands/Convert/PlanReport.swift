// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Conversion
internal import Files
internal import JSONDocument
internal import Tensors

/// The files that `convert` would write, for `--dry-run`.
struct PlanReport: Report {
  private let plan: ConversionPlan

  init(_ plan: ConversionPlan) {
    self.plan = plan
  }

  func writeText(to output: inout TextOutput) throws(CheckpointError) {
    let kind = plan.isDirectory ? "directory" : "file"
    output.line(
      "\(plan.source.printable) would become the \(kind) \(plan.destination.printable)")
    for file in plan.files {
      let name = file.name.string.printable
      output.line()
      switch file.contents {
      case .bytes(let bytes): output.line("\(name): rewritten, \(Sizes.bytes(bytes.count))")
      case .copy: output.line("\(name): copied")
      case .weights(let weights):
        let layout = try weights.layout()
        let size = layout.byteCount.map { ", " + Sizes.bytes($0) } ?? ""
        output.line(
          "\(name): \(weights.format.name), "
            + Sizes.count(layout.tensors.count, "tensor") + size)
        output.table(table(of: layout.tensors))
      }
    }
  }

  private func table(of tensors: [WeightsFile.Tensor]) -> Table {
    var table = Table([
      ("tensor", .name), ("dtype", .left), ("shape", .left), ("from", .left), ("bytes", .left),
      ("to", .left),
    ])
    for tensor in tensors {
      let isCast = tensor.sourceDType != tensor.info.dtype
      table.add([
        tensor.info.name.string.excerpt,
        isCast ? "\(tensor.sourceDType) → \(tensor.info.dtype)" : tensor.info.dtype.name,
        tensor.info.shape.description, action(for: tensor), text(of: tensor.source.range),
        text(of: tensor.range),
      ])
    }
    return table
  }

  /// How the bytes are made: copied, gathered, inflated or cast.
  private func action(for tensor: WeightsFile.Tensor) -> String {
    if tensor.sourceDType != tensor.info.dtype { return "cast" }
    switch tensor.source.access {
    case .contiguous: return "copy"
    case .gathered: return "gather"
    case .compressed: return "inflate"
    }
  }

  private func text(of range: Range<Int>?) -> String {
    range.map { "\($0.lowerBound)..\($0.upperBound)" } ?? "-"
  }

  func writeJSON(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.beginObject()
    output.writer.member("source", plan.source)
    output.writer.member("destination", plan.destination)
    output.writer.member("kind", plan.isDirectory ? "directory" : "file")
    output.writer.key("files")
    output.writer.beginArray()
    for file in plan.files { try write(file, to: &output) }
    output.writer.endArray()
    output.writer.endObject()
  }

  private func write(
    _ file: ConversionPlan.File, to output: inout JSONOutput
  ) throws(CheckpointError) {
    output.writer.beginObject()
    output.writer.member("name", file.name.string)
    switch file.contents {
    case .bytes(let bytes):
      output.writer.member("action", "write")
      output.writer.member("byte_count", bytes.count)
    case .copy:
      output.writer.member("action", "copy")
      output.writer.member("byte_count", try plan.byteCount(of: file))
    case .weights(let weights):
      let layout = try weights.layout()
      output.writer.member("action", "convert")
      output.writer.member("byte_count", layout.byteCount)
      output.writer.member("format", weights.format.name)
      output.writer.key("tensors")
      output.writer.beginArray()
      for tensor in layout.tensors {
        write(tensor, to: &output.writer)
        try output.flushIfLarge()
      }
      output.writer.endArray()
    }
    output.writer.endObject()
  }

  private func write(_ tensor: WeightsFile.Tensor, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("name", tensor.info.name.string)
    writer.member("dtype", tensor.info.dtype.name)
    writer.key("shape")
    writer.integers(tensor.info.shape.dimensions)
    writer.member("action", action(for: tensor))
    writer.member("source_name", tensor.sourceName.string)
    writer.member("source_dtype", tensor.sourceDType.name)
    writer.member("source_path", tensor.source.path)
    write(tensor.source.range, as: "source_range", to: &writer)
    write(tensor.range, as: "range", to: &writer)
    writer.endObject()
  }

  private func write(_ range: Range<Int>?, as key: String, to writer: inout JSONWriter) {
    writer.key(key)
    if let range {
      writer.bounds(of: range)
    } else {
      writer.null()
    }
  }
}
