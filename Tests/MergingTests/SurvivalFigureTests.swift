// SPDX-License-Identifier: Apache-2.0
import Foundation
import Merging
import Testing

/// spec/merging.md, MG10.
@Suite struct SurvivalFigureTests {
  private func survival(delta: [Double], added: [Double]) -> Survival {
    var survival = Survival()
    for (x, y) in zip(delta, added) {
      survival.deltaSquares += x * x
      survival.addedSquares += y * y
      survival.product += x * y
      survival.changedCount += y == 0 ? 0 : 1
      survival.elementCount += 1
    }
    return survival
  }

  @Test("what is kept is the projection, not the length")
  func kept() throws {
    // One element in four moves, by twice as much as was asked for.
    let sparse = survival(delta: [1, 1, 1, 1], added: [2, 0, 0, 0])
    #expect(sparse.share == 1 && sparse.kept == 0.5 && sparse.changedShare == 0.25)
    #expect(abs(try #require(sparse.angle) - 60) < 1e-11)
    #expect(survival(delta: [1, 2], added: [1, 2]).kept == 1)
    #expect(survival(delta: [0, 0], added: [0, 0]).kept == nil)
    #expect(survival(delta: [.infinity], added: [1]).kept == nil)
    #expect(survival(delta: [1, 2], added: [0, 0]).kept == 0)
    #expect(survival(delta: [1, 2], added: [0, 0]).angle == nil)
  }

  @Test(
    "angles are those of the arc cosine", arguments: Array(stride(from: 0.0, through: 180, by: 7.5))
  )
  func angle(degrees: Double) throws {
    let radians = degrees * .pi / 180
    let figures = survival(delta: [1, 0], added: [cos(radians), sin(radians)])
    #expect(abs(try #require(figures.angle) - degrees) < 3e-6)
  }
}
