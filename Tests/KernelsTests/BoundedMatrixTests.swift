// SPDX-License-Identifier: Apache-2.0
import Kernels
import TestSupport
import Testing

@Suite("Bounded matrices")
struct BoundedMatrixTests {
  private static func matrix(
    _ rowCount: Int, _ width: Int, isExtended: Bool, using generator: inout SeededGenerator
  ) -> BoundedMatrix {
    let values = (0..<rowCount * width).map { _ in
      Double(sign: .plus, exponent: Int.random(in: -20...20, using: &generator), significand: 1)
        * Double.random(in: -1...1, using: &generator)
    }
    return BoundedMatrix(rowCount: rowCount, width: width, values: values, isExtended: isExtended)
  }

  @Test("a product has the same bits at every instruction set", arguments: [false, true])
  func instructionSets(isExtended: Bool) {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed \(seed)")
    var generator = SeededGenerator(seed: seed)
    for (rows, rank, width) in [(1, 1, 1), (3, 2, 5), (2, 7, 255), (4, 3, 256), (2, 16, 700)] {
      let left = Self.matrix(rows, rank, isExtended: isExtended, using: &generator)
      let right = Self.matrix(rank, width, isExtended: isExtended, using: &generator)
      let expected = left.multiplied(by: right, implementation: .reference)
      for set in InstructionSet.allCases where set.isAvailable {
        let product = left.multiplied(by: right, implementation: .instructionSet(set))
        #expect(product.values == expected.values, "seed \(seed) \(set)")
        #expect(product.lower == expected.lower, "seed \(seed) \(set)")
        #expect(product.magnitudes == expected.magnitudes, "seed \(seed) \(set)")
      }
      #expect(expected.roundings == rank)
    }
  }

  @Test("an extended product is exact where its sum has 106 bits")
  func extended() {
    let left = BoundedMatrix(rowCount: 1, width: 3, values: [1, 1, 1], isExtended: true)
    let right = BoundedMatrix(
      rowCount: 3, width: 1, values: [0x1p60, 1 + 0x1p-30, -0x1p60], isExtended: true)
    let product = left.multiplied(by: right)
    #expect(product.values == [1 + 0x1p-30])
    #expect(product.lower == [0])
    let square = BoundedMatrix(rowCount: 1, width: 1, values: [1 + 0x1p-30], isExtended: true)
    let exact = square.multiplied(elementwise: square)
    #expect(exact.values == [1 + 0x1p-29] && exact.lower == [0x1p-60])
    #expect(square.kronecker(square).lower == [0x1p-60])
    #expect(square.scaled(by: 1 + 0x1p-30).lower == [0x1p-60])
  }

  @Test("magnitudes, roundings and underflows are those of all steps")
  func bounds() {
    let a = BoundedMatrix(rowCount: 1, width: 2, values: [2, -3])
    let b = BoundedMatrix(rowCount: 2, width: 1, values: [5, 4])
    let product = a.multiplied(by: b)
    #expect(product.values == [-2] && product.magnitudes == [22])
    #expect(product.roundings == 2 && product.underflows == 2)
    let scaled = product.scaled(by: -4)
    #expect(scaled.values == [8] && scaled.magnitudes == [88])
    #expect(scaled.roundings == 4 && scaled.underflows == 9)
    let sum = scaled.adding(BoundedMatrix(rowCount: 1, width: 1, values: [-9]))
    #expect(sum.values == [-1] && sum.magnitudes == [97])
    #expect(sum.roundings == 5 && sum.underflows == 9)
    let square = product.multiplied(elementwise: product)
    #expect(square.values == [4] && square.magnitudes == [484] && square.roundings == 5)
    #expect(square.underflows > 88 && square.underflows < 90)
    #expect(a.kronecker(a).values == [4, -6, -6, 9] && a.kronecker(a).roundings == 1)
  }

  @Test("layouts move elements with their magnitudes")
  func layouts() {
    let matrix = BoundedMatrix(rowCount: 2, width: 3, values: [1, 2, 3, -4, 5, 6])
    #expect(matrix.transposed.values == [1, -4, 2, 5, 3, 6])
    #expect(matrix.transposed.magnitudes == [1, 4, 2, 5, 3, 6])
    #expect(matrix.columns(1..<3).values == [2, 3, 5, 6])
    #expect(matrix.rows(1..<2).values == [-4, 5, 6])
    #expect(matrix.tiled(rowCount: 3, width: 4).values == [1, 2, 3, 1, -4, 5, 6, -4, 1, 2, 3, 1])
    #expect(matrix.reshaped(width: 2).rowCount == 3)
    #expect(BoundedMatrix(joining: [matrix, matrix.rows(0..<1)]).values.count == 9)
  }
}

@Suite("Comparison with a reference")
struct ReferenceComparisonTests {
  private static func compare(
    _ reference: [Float], values: [Double], bounds: [Double], tolerance: ToleranceComparison? = nil
  ) -> ReferenceComparison {
    var comparison = ReferenceComparison(
      format: .float32, elementCount: reference.count, tolerance: tolerance)
    let bytes = reference.flatMap { littleEndian($0.bitPattern) }
    comparison.add(
      bytes.span.bytes,
      rows: BoundedMatrix(rowCount: 1, width: values.count, values: values), bounds: bounds)
    return comparison
  }

  @Test("elements are within the bound or not, and both sides are held to it")
  func bound() {
    let report = Self.compare([1.5, 2, 3], values: [1, 2, 3.5], bounds: [0.5, 0, 0.25]).report
    #expect(report.equalCount == 1 && report.offenderCount == 1)
    #expect(report.firstOffenders.map(\.index) == [2])
    #expect(report.largestShare == 2 && report.ownOffenderCount == 0)
    // 1 + 2^-30 is not a number of F32: what is computed here is 2^-30 off.
    let own = Self.compare([1], values: [1 + 0x1p-30], bounds: [0x1p-31]).report
    #expect(own.ownOffenderCount == 1 && own.offenderCount == 1)
  }

  @Test("infinities and NaNs need a reason")
  func special() {
    let finite = Self.compare([.infinity, .nan], values: [1, 1], bounds: [1, 1]).report
    #expect(finite.offenderCount == 2 && finite.overflowedCount == 0)
    let large = Self.compare([.infinity, -.infinity], values: [4e38, 3.4e38], bounds: [1, 1e38])
    #expect(large.report.equalCount == 1 && large.report.overflowedCount == 1)
    let factors = Self.compare(
      [.nan, .infinity, 3], values: [.nan, .nan, .infinity], bounds: [.nan, .nan, .nan])
    #expect(factors.report.equalCount == 1 && factors.report.notComparableCount == 1)
    #expect(factors.report.firstOffenders.map(\.index) == [2])
  }

  @Test("halves exceed the bound by their own rounding")
  func halves() {
    for (format, ulp) in [(FloatFormat.bfloat16, 0x1p-7), (.float16, 0x1p-10)] {
      // Half a unit of the last place between two numbers: either one is a rounding.
      let value = 1 + ulp / 2
      for (reference, holds) in [(1.0, true), (1 + ulp, true), (1 + 2 * ulp, false)] {
        var comparison = ReferenceComparison(format: format, elementCount: 1)
        let bits = UInt16(truncatingIfNeeded: format.bits(rounding: reference))
        let bytes = littleEndian(bits)
        comparison.add(
          bytes.span.bytes, rows: BoundedMatrix(rowCount: 1, width: 1, values: [value]),
          bounds: [0x1p-23])
        #expect(comparison.report.holds == holds, "\(format) \(reference)")
      }
    }
  }

  @Test("values that must be equal, and tolerances across pieces")
  func equality() {
    var comparison = ReferenceComparison(
      format: .float32, elementCount: 4,
      tolerance: ToleranceComparison(format: .float32, relative: 0, absolute: 0.5))
    for piece in [[1, 2] as [Float], [3, 4]] {
      let reference = piece.flatMap { littleEndian($0.bitPattern) }
      let values = piece.map { $0 == 4 ? $0 + 1 : $0 }.flatMap {
        littleEndian(Double($0).bitPattern)
      }
      comparison.add(reference.span.bytes, equalTo: values.span.bytes, from: .float64)
    }
    #expect(comparison.report.equalCount == 3 && comparison.report.offenderCount == 1)
    #expect(comparison.report.firstOffenders.map(\.index) == [3])
    #expect(comparison.tolerance?.closeCount == 3)
    #expect(comparison.distantElements.map(\.index) == [3])
    #expect(comparison.distantElements.map(\.computed) == [5])
  }
}
