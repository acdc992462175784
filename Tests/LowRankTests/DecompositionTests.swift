// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import LowRank

@Suite("Decomposition of products")
struct DecompositionTests {
  @Test("singular values of a product, with and without vectors")
  func values() {
    // diag(3, 4, 0) as a product of [3, 2] and [2, 3].
    let left: [Double] = [1, 0, 0, 2, 0, 0]
    let right: [Double] = [3, 0, 0, 0, 2, 0]
    for formsVectors in [true, false] {
      let svd = FactoredSVD(
        left: left, rowCount: 3, right: right, width: 3, rank: 2, formsVectors: formsVectors)
      #expect(svd.values.count == 2)
      #expect(zip(svd.values, [4.0, 3]).allSatisfy { abs($0 - $1) < 1e-14 })
      guard formsVectors else { continue }
      let (columns, rows) = svd.balanced(rank: 1)
      #expect(zip(columns, [0, 2, 0]).allSatisfy { abs($0 - $1) < 1e-14 })
      #expect(zip(rows, [0, 2, 0]).allSatisfy { abs($0 - $1) < 1e-14 })
    }
    #expect(SingularValues.effectiveRank(of: [2, 2, 2]) == 3)
    #expect(SingularValues.effectiveRank(of: []) == 0)
  }

  @Test("ranks above the sizes")
  func wideRank() {
    let svd = FactoredSVD(
      left: [1, 2, 3], rowCount: 1, right: [1, 1, 1, 1, 1, 1], width: 2, rank: 3,
      formsVectors: false)
    #expect(svd.values.count == 1)
    #expect(abs(svd.values[0] - 6 * 2.0.squareRoot()) < 1e-13)
  }
}
