// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The values of a floating-point dtype of 8 bits, and their order.
struct SmallFloats: Sendable {
  /// The value of each pattern of bits.
  let values: [Double]
  /// The position of each value in ascending order; meaningless for NaN. Both zeros have the same
  /// position.
  let ordinals: [Int]

  /// The table of a dtype; nil for dtypes of other sizes.
  init?(_ dtype: DType) {
    guard let numbers = Self.all[dtype] else { return nil }
    self = numbers
  }

  private init(tabulating dtype: DType) {
    let patterns = Array(0...UInt8.max)
    values = castToFloat64(patterns.span.rawBytes, from: dtype).map { Double(bitPattern: $0) }
    let ascending = Set(values.filter { !$0.isNaN }).sorted()
    let places = Dictionary(uniqueKeysWithValues: zip(ascending, 0...))
    ordinals = values.map { places[$0] ?? 0 }
  }

  private static let all: [DType: SmallFloats] = {
    let dtypes = DType.allCases.filter { $0.isFloatingPoint && $0.byteCount == 1 }
    return Dictionary(uniqueKeysWithValues: dtypes.map { ($0, SmallFloats(tabulating: $0)) })
  }()
}

/// The elements as F64, which represents every value of a smaller floating-point dtype.
func castToFloat64(_ bytes: RawSpan, from dtype: DType) -> [UInt64] {
  let count = bytes.byteCount / (dtype.bitCount / 8)
  var wide = [UInt64](repeating: 0, count: count)
  var elements = wide.mutableSpan
  // SAFETY: every bit pattern is a valid integer.
  var output = unsafe elements.mutableBytes
  var counts = CastCounts()
  do throws(CheckpointError) {
    try Cast(from: dtype, to: .float64).run(bytes, into: &output, counts: &counts)
  } catch {
    preconditionFailure("a float of whole bytes must have a cast to F64: \(error)")
  }
  return wide
}
