// SPDX-License-Identifier: Apache-2.0
import Kernels
import LowRank
import SafeTensors
import Tensors
import Testing

@testable import Bridges

@Suite("Orders of rows in GGUF (GA5)")
struct RowOrderTests {
  /// A factor [rows, 2] whose elements tell their row and column: row + column / 2.
  private static func factor(rows: Int) throws -> FactorView {
    let values = (0..<rows * 2).map { Double($0) / 2 }
    return try view(
      ComposedTensor("factor", dtype: .float32, shape: [rows, 2], values: values))
  }

  private static func view(_ tensor: ComposedTensor) throws -> FactorView {
    try FactorView(
      ComposedArchive(path: "", format: SafeTensorsFormat(), tensors: [tensor]), at: 0)
  }

  /// The rows of transformers in the order of GGUF.
  private static func rows(_ order: RowOrder?, of count: Int) throws -> [Int] {
    let order = try #require(order)
    let source = try factor(rows: count)
    let ordered = try view(order.tensor("ordered", source, dtype: .float32, factor: 1))
    let back = try view(order.inverse.tensor("back", ordered, dtype: .float32, factor: 1))
    #expect(ordered.sizes == source.sizes)
    #expect(try back.values(in: .float64) == source.values(in: .float64))
    let values = try ordered.values(in: .float64)
    #expect((0..<count).allSatisfy { values[2 * $0 + 1] == values[2 * $0] + 0.5 })
    return (0..<count).map { Int(values[2 * $0]) }
  }

  @Test("the halves of a head alternate")
  func rotary() throws {
    let rows = try Self.rows(.rotary(heads: 2, rows: 12), of: 12)
    #expect(rows == [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11])
  }

  @Test("queries, keys and values of all heads")
  func heads() throws {
    let rows = try Self.rows(.heads(2, rows: 12), of: 12)
    #expect(rows == [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11])
  }

  @Test("queries, keys and values of all groups")
  func groups() throws {
    // Two groups of two heads, a key and a value, of one row each.
    let rows = try Self.rows(.groups(2, heads: 4, rows: 8), of: 8)
    #expect(rows == [0, 1, 4, 5, 2, 6, 3, 7])
    #expect(try Self.rows(.groups(1, heads: 2, rows: 8), of: 8) == Array(0..<8))
  }

  @Test("numbers of heads that do not divide the rows")
  func mismatches() {
    for heads in [0, -1, 5, 12, .max, .min] {
      #expect(RowOrder.rotary(heads: heads, rows: 12) == nil)
      #expect(RowOrder.heads(heads, rows: 14) == nil)
      #expect(RowOrder.groups(heads, heads: 7, rows: 12) == nil)
      #expect(RowOrder.groups(1, heads: heads, rows: 11) == nil)
    }
    #expect(RowOrder.groups(.max, heads: .max, rows: 12) == nil)
    #expect(RowOrder.groups(1 << 13, heads: 1 << 13, rows: 3 << 13) == nil)
  }
}
