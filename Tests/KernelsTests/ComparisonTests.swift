// SPDX-License-Identifier: Apache-2.0
import Kernels
import Testing

@Suite struct ComparisonTests {
  @Test(arguments: FloatFormat.allCases)
  func distances(format: FloatFormat) {
    func bits(_ value: Double) -> UInt64 { format.bits(rounding: value) }
    let one = bits(1), infinity = bits(.infinity), nan = bits(.nan)
    let sign = UInt64(1) << (8 * format.byteCount - 1)
    #expect(format.ulpDistance(one, one) == 0)
    #expect(format.ulpDistance(one, one + 3) == 3)
    #expect(format.ulpDistance(one + 3, one) == 3)
    #expect(format.ulpDistance(0, sign) == 0)
    #expect(format.ulpDistance(1, sign | 1) == 2)
    #expect(format.ulpDistance(infinity - 1, infinity) == 1)
    #expect(format.ulpDistance(infinity, sign | infinity) == 2 * infinity)
    #expect(format.ulpDistance(nan, sign | nan | 1) == 0)
    #expect(format.ulpDistance(nan, infinity) == .max)
    #expect(format.isNaN(bits: nan) && !format.isNaN(bits: infinity))
    #expect(format.isFinite(bits: infinity - 1) && !format.isFinite(bits: infinity))
  }

  @Test(arguments: [FloatFormat.bfloat16, .float16])
  func ordinalsAscendWithValues(half: FloatFormat) {
    let numbers = (UInt64(0)...0xFFFF).filter { !half.isNaN(bits: $0) }
      .sorted { half.ordinal(ofBits: $0) < half.ordinal(ofBits: $1) }
    for (left, right) in zip(numbers, numbers.dropFirst()) {
      #expect(half.value(ofBits: left) <= half.value(ofBits: right))
      #expect(
        half.ulpDistance(left, right)
          == (left & right & 0x7FFF == 0 && left ^ right == 0x8000 ? 0 : 1))
    }
  }

  @Test(arguments: [1, 100, 1023, 1024, 1025, 5000])
  func countsAndPlaces(count: Int) {
    let format = FloatFormat.float32
    var left = (0..<count).map(Double.init), right = left
    let middle = count / 2
    right[middle] = right[middle].nextUp
    right[count - 1] += 1
    left[0] = -0.0
    let comparison = ValueComparison(
      Problem.bytes(left, format).span.bytes, Problem.bytes(right, format).span.bytes,
      format: format)
    #expect(comparison.elementCount == count)
    #expect(comparison.equalCount == count - 1)
    #expect(comparison.largestDistanceIndex == count - 1)
    #expect(!comparison.isEqual)
  }

  @Test func differencesFarApartAreAllFound() {
    var left = [UInt8](repeating: 0, count: 60_000)
    let right = left
    for index in stride(from: 0, to: left.count, by: 7000) { left[index] = 3 }
    for format in FloatFormat.allCases {
      let comparison = ValueComparison(left.span.bytes, right.span.bytes, format: format)
      #expect(comparison.equalCount == comparison.elementCount - 9)
      #expect(comparison.largestDistance == 3)
      #expect(comparison.largestDistanceIndex == 0)
    }
  }

  struct Pair: Sendable {
    var value: Double
    var reference: Double
    var isClose: Bool
    var relative = ToleranceComparison.defaultRelativeTolerance
    var absolute = ToleranceComparison.defaultAbsoluteTolerance
  }

  @Test(arguments: [
    Pair(value: 1, reference: 1.000009, isClose: true),
    Pair(value: 1, reference: 1.00002, isClose: false),
    Pair(value: 0, reference: 1e-8, isClose: true),
    Pair(value: 0, reference: 2e-8, isClose: false),
    Pair(value: .infinity, reference: .infinity, isClose: true),
    Pair(value: .infinity, reference: -.infinity, isClose: false),
    Pair(value: 1, reference: .infinity, isClose: false),
    Pair(value: .infinity, reference: 1, isClose: false, absolute: .infinity),
    Pair(value: -5, reference: 1, isClose: true, absolute: .infinity),
    Pair(value: .nan, reference: .nan, isClose: false),
    Pair(value: .nan, reference: 0, isClose: false),
    Pair(value: 0, reference: -0.0, isClose: true, relative: 0, absolute: 0),
    Pair(value: 1, reference: 2, isClose: true, relative: 0.5, absolute: 0),
    Pair(value: 2, reference: 1, isClose: false, relative: 0.5, absolute: 0),
  ])
  func tolerances(pair: Pair) {
    for format in [FloatFormat.float32, .float64] {
      let comparison = ToleranceComparison(
        Problem.bytes([pair.value], format).span.bytes,
        reference: Problem.bytes([pair.reference], format).span.bytes, format: format,
        relative: pair.relative, absolute: pair.absolute)
      #expect(comparison.isClose == pair.isClose)
      #expect(comparison.firstOffenders == (pair.isClose ? [] : [0]))
    }
  }

  @Test func nanIsCloseToNaNWhenAskedFor() {
    let nan = Problem.bytes([.nan], .float16)
    let comparison = ToleranceComparison(
      nan.span.bytes, reference: nan.span.bytes, format: .float16, equalNaN: true)
    #expect(comparison.isClose)
  }

  @Test func tolerancesAreRoundedToTheFormat() {
    // rtol * other is 0.001 * 1 rounded to F16, 0x1.064p-10: above the tolerance itself.
    let reference = Problem.bytes([1], .float16)
    let value = Problem.bytes([1 + 0x1p-10], .float16)
    let comparison = ToleranceComparison(
      value.span.bytes, reference: reference.span.bytes, format: .float16, relative: 0.0009764,
      absolute: 0)
    #expect(comparison.isClose)
    // 0.01 rounds up in BF16, and so does the sum; in F32 it would not reach the difference.
    let small = Problem.bytes([0x1.4cp-7], .bfloat16)
    let zero = Problem.bytes([0x1p-30], .bfloat16)
    #expect(
      ToleranceComparison(
        zero.span.bytes, reference: small.span.bytes, format: .bfloat16, relative: 0.01,
        absolute: 0.01
      ).isClose)
  }
}
