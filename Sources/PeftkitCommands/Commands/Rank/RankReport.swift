// SPDX-License-Identifier: Apache-2.0
internal import AdapterAlgebra
internal import JSONDocument
internal import Tensors

/// The ranks of the modules of an adapter, before and after, with the errors
/// (spec/adapter-algebra.md, AL15).
struct RankReport: Report {
  private let reduction: RankReduction
  private let path: String

  init(_ reduction: RankReduction, path: String) {
    self.reduction = reduction
    self.path = path
  }

  func writeText(to output: inout TextOutput) throws(CheckpointError) {
    var table = Table([
      ("module", .name), ("rank", .right), ("new", .right), ("relative error", .right),
    ])
    for module in reduction.modules {
      table.add([
        module.name.printable, String(module.oldRank), String(module.rank),
        Sizes.scientific(module.error),
      ])
    }
    table.add(["all modules", "", "", Sizes.scientific(reduction.error)])
    output.table(table)
  }

  func writeJSON(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.beginObject()
    output.writer.member("path", path)
    output.writer.member("relative_error", reduction.error)
    try output.objects("modules", of: reduction.modules) { module, writer in
      writer.member("name", module.name)
      writer.member("old_rank", module.oldRank)
      writer.member("rank", module.rank)
      writer.member("norm", module.norm)
      writer.member("relative_error", module.error)
    }
    output.writer.endObject()
  }
}
