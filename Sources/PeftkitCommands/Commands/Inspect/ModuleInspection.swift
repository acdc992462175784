// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import LowRank
internal import PEFT
internal import Tensors

/// What `inspect --modules` shows of the modules that an adapter changes: figures of their data.
struct ModuleInspection {
  private let rows: [ModuleStatistics]

  /// Reads the factors and computes the figures.
  ///
  /// - Throws: `invalidArgument` for anything but an adapter, `unsupported` for a method whose changes are not computed, and what reading throws.
  init(_ adapter: Adapter?, path: String) throws(CheckpointError) {
    guard let adapter else {
      throw CheckpointError(
        .invalidArgument, "is not an adapter: it changes no modules", path: path)
    }
    guard let updates = try AdapterUpdates(adapter) else {
      let type = try adapter.config.peftType.rawValue
      throw CheckpointError(
        .unsupported, "the changes of the method \(type.printable) are not computed",
        path: path)
    }
    rows = try ProgressLine.counting(updates.modules, "module") { module throws(CheckpointError) in
      try updates.statistics(of: module)
    }
  }
}

extension ModuleInspection {
  func addText(to output: inout TextOutput) {
    output.line()
    output.line(output.styled("modules", .bold))
    var table = Table([
      ("module", .name), ("rank", .right), ("α", .right), ("scale", .right), ("norm of Δ", .right),
      ("effective rank", .right),
    ])
    for row in rows {
      table.add([
        row.name.printable, row.scale.map { String($0.rank) } ?? "-",
        row.scale.map { Self.text($0.alpha) } ?? "-",
        row.scale.map { Self.text($0.scale) } ?? "-",
        row.statistics?.norm.map(Sizes.scientific) ?? "-",
        row.statistics?.effectiveRank.map { Sizes.fixed($0, 2) } ?? "-",
      ])
    }
    output.table(table)
    if rows.contains(where: { $0.statistics?.norm == nil }) {
      output.line("  (- where Δ depends on the base model)")
    }
    if rows.contains(where: { $0.statistics?.isNormalized == true }) {
      output.line("  (Δ is scale · B · A, before DoRA normalizes the weight)")
    }
  }

  private static func text(_ value: Double) -> String {
    Int(exactly: value).map(String.init) ?? Sizes.scientific(value)
  }

  /// Writes the member `modules`; its schema is in spec/command-line.md.
  func writeJSON(to output: inout JSONOutput) throws(CheckpointError) {
    output.writer.key("modules")
    output.writer.beginArray()
    for row in rows {
      output.writer.beginObject()
      output.writer.member("name", row.name)
      output.writer.member("rank", row.scale?.rank)
      output.writer.member("alpha", row.scale?.alpha)
      output.writer.member("scale", row.scale?.scale)
      output.writer.member("norm", row.statistics?.norm)
      output.writer.member("effective_rank", row.statistics?.effectiveRank)
      output.writer.endObject()
      try output.flushIfLarge()
    }
    output.writer.endArray()
  }
}
