// SPDX-License-Identifier: Apache-2.0
import Merging
import Testing

@Suite struct SurvivalTests {
  @Test func `shares and angles are those of the sums`() throws {
    var survival = Survival()
    #expect(survival.share == nil && survival.cosine == nil && survival.changedShare == 0)
    survival.deltaSquares = 4
    survival.addedSquares = 1
    survival.product = 1
    survival.changedCount = 3
    survival.elementCount = 12
    #expect(survival.share == 0.5 && survival.cosine == 0.5 && survival.changedShare == 0.25)
    survival += survival
    #expect(survival.deltaSquares == 8 && survival.changedCount == 6 && survival.share == 0.5)
    survival.deltaSquares = .infinity
    #expect(survival.share == nil && survival.cosine == nil)
  }
}
