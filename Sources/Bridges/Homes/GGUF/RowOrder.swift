// SPDX-License-Identifier: Apache-2.0
internal import LowRank
internal import Tensors

/// An order of the rows of a weight in GGUF that is not the order in transformers
/// (spec/gguf-adapters.md, GA5).
struct RowOrder: Sendable {
  /// The orders, by their names in the table.
  enum Kind: String, Sendable {
    /// The order of transformers.
    case same
    /// In each head, the rows of the halves that are rotated against each other alternate.
    case rotary
    /// The same for the heads of the keys.
    case rotary_kv
    /// The queries of all heads come first, then the keys and the values, not head by head.
    case heads
    /// The same for groups of heads that share a key and a value.
    case groups
  }

  /// Rows that stay next to each other.
  private struct Run {
    let source: Int
    let destination: Int
    let count: Int
  }

  /// The dimensions that the rows divide into, and their order in GGUF; or runs of rows.
  private enum Content {
    case axes([Int], order: [Int])
    case runs([Run])
  }
  private let content: Content
  private let count: Int

  /// The largest number of groups of heads.
  private static let largestGroupCount = 1 << 12

  /// In each of `heads` heads the rows of two halves alternate.
  ///
  /// - Returns: nil when the rows do not divide into the heads.
  static func rotary(heads: Int, rows: Int) -> RowOrder? {
    guard heads > 0, rows % heads == 0, (rows / heads) % 2 == 0 else { return nil }
    return RowOrder(content: .axes([heads, 2, rows / heads / 2], order: [0, 2, 1]), count: rows)
  }

  /// Three kinds of rows of `heads` heads are divided by kind.
  ///
  /// - Returns: nil when the rows do not divide into the heads.
  static func heads(_ heads: Int, rows: Int) -> RowOrder? {
    guard heads > 0, rows % heads == 0, (rows / heads) % 3 == 0 else { return nil }
    return RowOrder(content: .axes([heads, 3, rows / heads / 3], order: [1, 0, 2]), count: rows)
  }

  /// `groups` groups, each of the rows of its queries, one key and one value, are divided by kind.
  ///
  /// - Returns: nil when the rows do not divide into the groups.
  static func groups(_ groups: Int, heads: Int, rows: Int) -> RowOrder? {
    guard groups > 0, groups <= largestGroupCount, heads > 0, heads % groups == 0 else {
      return nil
    }
    let (all, overflow) = groups.multipliedReportingOverflow(by: 2)
    let (total, overflow2) = heads.addingReportingOverflow(all)
    guard !overflow, !overflow2, rows % total == 0 else { return nil }
    let (size, queries) = (rows / total, heads / groups)
    var runs: [Run] = []
    for group in 0..<groups {
      let start = group * (queries + 2) * size
      runs += [
        Run(source: start, destination: group * queries * size, count: queries * size),
        Run(
          source: start + queries * size, destination: (heads + group) * size, count: size),
        Run(
          source: start + (queries + 1) * size, destination: (heads + groups + group) * size,
          count: size),
      ]
    }
    return RowOrder(content: .runs(runs), count: rows)
  }

  /// The order back: that of transformers for rows of GGUF.
  var inverse: RowOrder {
    switch content {
    case .axes(let axes, let order):
      let back = order.indices.map { place in order.firstIndex(of: place) ?? place }
      return RowOrder(content: .axes(order.map { axes[$0] }, order: back), count: count)
    case .runs(let runs):
      let back = runs.map { Run(source: $0.destination, destination: $0.source, count: $0.count) }
      return RowOrder(content: .runs(back), count: count)
    }
  }

  /// A factor [rows, r] with its rows in this order.
  ///
  /// - Throws: `mismatch` for another number of rows.
  func tensor(
    _ name: String, _ view: FactorView, dtype: DType, factor: Double
  ) throws(CheckpointError) -> ComposedTensor {
    let rank = view.sizes[1]
    switch content {
    case .axes(let axes, let order):
      let view = try view.reshaped(axes + [rank]).permuted(order + [axes.count])
      return ComposedTensor(name, view, dtype: dtype, shape: [count, rank], factor: factor)
    case .runs(let runs):
      var pieces: [ComposedTensor.Piece] = []
      for run in runs where run.count > 0 {
        let rows = try view.subrange(axis: 0, run.source..<run.source + run.count)
        pieces.append(ComposedTensor.Piece(rows, at: [run.destination, 0], factor: factor))
      }
      return ComposedTensor(name, dtype: dtype, shape: [count, rank], pieces: pieces)
    }
  }
}
