// SPDX-License-Identifier: Apache-2.0
internal import Bridges
internal import LowRank
internal import PEFT
internal import Tensors

/// The differences between what two adapters compute.
struct DeltasReport: Report {
  /// One side of the comparison.
  struct Side {
    let path: String
    /// The name of the home of the adapter.
    let home: String
    let source: DeltaSource

    init(path: String, base: BaseModel?) throws(CheckpointError) {
      self.path = path
      if AdapterDirectory.hasConfig(path), let adapter = try? Adapter(path: path),
        try adapter.config.peftType != .lora
      {
        home = "peft"
        source = try DeltaSource(adapter)
        return
      }
      let (home, adapter) = try AdapterHomes.open(BridgeSource(path: path, base: base))
      self.home = home.name
      source = try DeltaSource(adapter)
    }
  }

  let a: Side
  let b: Side
  let comparison: DeltaComparison

  init(_ a: Side, _ b: Side) throws(CheckpointError) {
    self.a = a
    self.b = b
    comparison = try DeltaComparison(a.source, b.source)
  }

  /// Whether nothing but rounding differs (spec/deltas.md, DC8).
  var isSame: Bool { comparison.isSame }
}

extension DeltasReport {
  /// The sides, a table of what is not equal, the worst first, and the verdict.
  func writeText(to output: inout TextOutput) throws(CheckpointError) {
    output.line("a: \(a.path.printable) (\(a.home))")
    output.line("b: \(b.path.printable) (\(b.home))")
    let rows = comparison.worstFirst.filter { $0.verdict != .equal }
    if !rows.isEmpty {
      output.line()
      var table = Table([
        ("module", .name), ("distance", .right), ("bound", .right), ("verdict", .left),
      ])
      for row in rows {
        table.add([
          (row.name + (row.subject == .update ? "" : " (\(row.subject.rawValue))")).printable,
          row.distance.map(Sizes.scientific) ?? "-", row.bound.map(Sizes.scientific) ?? "-",
          row.verdict.text + (row.slip.map { ": " + $0.text } ?? ""),
        ])
      }
      output.table(table)
    }
    output.line()
    let verdict = isSame ? output.styled("same:", .green) : output.styled("differs:", .red)
    output.line("\(verdict) \(comparison.summary)")
  }
}
