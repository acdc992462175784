// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import MultitaskPromptTuning
internal import PEFT
internal import Tensors

/// The relative error of each task after its factors were recomputed.
struct FactorReport: Report {
  private let path: String
  private let rank: Int?
  private let errors: [Double]

  init(_ result: ApproximatedAdapter, path: String) {
    self.path = path
    rank = result.adapter.config.document[MultitaskPromptTuningFields.rank.key]?.integer
    errors = result.errors
  }

  func writeText(to output: inout TextOutput) throws(CheckpointError) {
    var table = Table([("task", .right), ("rank", .right), ("relative error", .right)])
    for (task, error) in errors.enumerated() {
      table.add([String(task), rank.map { String($0) } ?? "-", Sizes.scientific(error)])
    }
    output.table(table)
  }

  func writeJSON(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.beginObject()
    output.writer.member("path", path)
    output.writer.member("rank", rank)
    output.writer.key("tasks")
    output.writer.beginArray()
    for error in errors {
      output.writer.beginObject()
      output.writer.member("relative_error", error.isFinite ? error : nil as Double?)
      output.writer.endObject()
      try output.flushIfLarge()
    }
    output.writer.endArray()
    output.writer.endObject()
  }
}
