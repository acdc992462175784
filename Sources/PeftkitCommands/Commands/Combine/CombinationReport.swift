// SPDX-License-Identifier: Apache-2.0
internal import AdapterAlgebra
internal import JSONDocument
internal import LowRank
internal import Tensors

/// The modules of a combined adapter (spec/adapter-algebra.md, AL39).
struct CombinationReport: Report {
  private let path: String
  private let kind: CombinationKind
  private let modules: [Combination.Module]
  /// The relative distance of all updates together; nil where all are zero.
  private let change: Double?

  init(
    _ combination: Combination, kind: CombinationKind, path: String
  ) throws(CheckpointError) {
    self.path = path
    self.kind = kind
    modules = try combination.modules()
    change = Combination.change(of: modules)
  }

  func writeText(to output: inout TextOutput) throws(CheckpointError) {
    var table = Table([
      ("module", .name), ("adapters", .right), ("rank", .right), ("relative change", .right),
    ])
    for module in modules {
      table.add([
        module.name.printable, String(module.adapterCount), String(module.rank),
        Self.text(module.change),
      ])
    }
    table.add(["all modules", "", "", Self.text(change)])
    output.table(table)
  }

  private static func text(_ change: Double?) -> String {
    change.map { $0 == 0 ? "0" : Sizes.scientific($0) } ?? "-"
  }

  func writeJSON(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.beginObject()
    output.writer.member("path", path)
    output.writer.member("kind", kind.rawValue)
    output.writer.member("relative_change", change)
    try output.objects("modules", of: modules) { module, writer in
      writer.member("name", module.name)
      writer.member("adapters", module.adapterCount)
      writer.member("rank", module.rank)
      writer.member("norm", module.norm)
      writer.member("relative_change", module.change)
    }
    output.writer.endObject()
  }
}
