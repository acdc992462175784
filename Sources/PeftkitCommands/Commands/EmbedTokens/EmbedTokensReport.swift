// SPDX-License-Identifier: Apache-2.0
internal import Conversion
internal import JSONDocument
internal import Merging
internal import Tensors

/// The tokens that the prompts of an adapter became.
struct EmbedTokensReport: Report {
  let plan: TokenEmbeddingPlan
  let isDryRun: Bool

  func writeText(to output: inout TextOutput) throws(CheckpointError) {
    var table = Table([("prompt", .left), ("tokens", .right), ("ids", .left)])
    for prompt in plan.prompts {
      let ids = prompt.tokenIDs
      table.add([
        prompt.task.map { "task \($0)" } ?? "prompt", String(ids.count),
        "\(ids.lowerBound) to \(ids.upperBound - 1)",
      ])
    }
    output.table(table)
    let sizes = plan.vocabularySizes
    output.line(
      (isDryRun ? "the vocabulary would grow" : "the vocabulary grew")
        + " from \(sizes.before) to \(sizes.after) tokens")
  }

  /// The schema is in spec/embedded-prompts.md.
  func writeJSON(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.beginObject()
    output.writer.member("base", plan.conversion.source)
    output.writer.member("path", plan.conversion.destination)
    output.writer.member("dry_run", isDryRun)
    output.writer.key("vocab_size")
    output.writer.beginObject()
    output.writer.member("before", plan.vocabularySizes.before)
    output.writer.member("after", plan.vocabularySizes.after)
    output.writer.endObject()
    output.writer.member("output_layer", plan.output.rawValue)
    output.writer.key("prompts")
    output.writer.beginArray()
    for prompt in plan.prompts {
      output.writer.beginObject()
      output.writer.member("task", prompt.task)
      output.writer.key("token_ids")
      output.writer.integers(Array(prompt.tokenIDs))
      output.writer.endObject()
      try output.flushIfLarge()
    }
    output.writer.endArray()
    output.writer.endObject()
  }
}
