internal import JSONDocument
internal import MultitaskPromptTuning
internal import PEFT
internal import Tensors

/// What factors that were computed anew came to.
struct FactorReport {
  private let path: String
  private let rank: Int?
  private let errors: [Double]

  init(_ result: ApproximatedAdapter, path: String) {
    self.path = path
    rank = result.adapter.config.document[MultitaskPromptTuningFields.rank.key]?.integer
    errors = result.errors
  }

  func print(asJSON: Bool) throws(CheckpointError) {
    if asJSON {
      try printJSON()
    } else {
      try printText()
    }
  }

  private func printText() throws(CheckpointError) {
    var output = TextOutput()
    var table = Table([("task", .right), ("rank", .right), ("relative error", .right)])
    for (task, error) in errors.enumerated() {
      table.add([String(task), rank.map { String($0) } ?? "-", Sizes.scientific(error)])
    }
    output.table(table)
    try output.print()
  }

  private func printJSON() throws(CheckpointError) {
    var output = JSONOutput()
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
    try output.print()
  }
}
