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
    /// The adapter in canonical form; nil for a method of PEFT without one.
    let adapter: LowRankAdapter?

    /// Opens a side.
    ///
    /// - Parameter other: the other side, whose modules a file may name with underscores.
    init(path: String, base: BaseModel?, other: Side? = nil) throws(CheckpointError) {
      self.path = path
      if AdapterDirectory.hasConfig(path), let adapter = try? Adapter(path: path),
        try adapter.config.peftType != .lora
      {
        home = "peft"
        source = try DeltaSource(adapter)
        self.adapter = nil
        return
      }
      let (home, adapter) = try AdapterHomes.open(
        BridgeSource(path: path, base: base, origin: other?.adapter))
      self.home = home.name
      self.adapter = adapter
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

  /// Opens both sides. One that does not spell the names of modules out is read by those of the other
  /// (spec/kohya.md, KO7).
  static func sides(
    _ a: String, _ b: String, base: BaseModel?
  ) throws(CheckpointError) -> (Side, Side) {
    do throws(CheckpointError) {
      let first = try Side(path: a, base: base)
      return (first, try Side(path: b, base: base, other: first))
    } catch {
      guard error.code == .missing, base == nil, let second = try? Side(path: b, base: base) else {
        throw error
      }
      return (try Side(path: a, base: base, other: second), second)
    }
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
