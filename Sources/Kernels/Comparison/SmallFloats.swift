internal import Tensors

/// The numbers of a floating-point dtype of 8 bits, and their places among one another.
struct SmallFloats: Sendable {
  /// The value of each pattern of bits.
  let values: [Double]
  /// The place of each value among all, in ascending order; of a NaN it says nothing. Both zeros
  /// have one place.
  let ordinals: [Int]

  /// The numbers of a dtype; nil for all others.
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

/// The bits of elements as F64, which holds every value of a smaller floating-point dtype.
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
