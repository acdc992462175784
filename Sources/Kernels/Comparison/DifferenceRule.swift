// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The rule for comparing elements of two dtypes. Each kind of arithmetic has a case.
enum DifferenceRule: Hashable, Sendable {
  /// Numbers of one floating-point format.
  case floats(FloatFormat)
  /// Integers of one dtype.
  case integers(byteCount: Int, isSigned: Bool)
  /// Booleans: bytes that are false when they are zero.
  case booleans
  /// Numbers of one floating-point dtype of 8 bits.
  case smallFloats(DType)
  /// Complex numbers of two F32 each.
  case complex
  /// Elements, or blocks of quantized ones, with this many bits, which are compared by their bits
  /// only.
  case patterns(bitCount: Int)
  /// Numbers of two floating-point dtypes, both converted to F64.
  case converted(DType, DType)

  /// The rule for two dtypes; nil when their elements cannot be compared.
  init?(_ left: DType, _ right: DType) {
    guard left == right else {
      guard Self.isFloat(left), Self.isFloat(right) else { return nil }
      self = .converted(left, right)
      return
    }
    switch left {
    case .float64, .float32, .bfloat16, .float16:
      guard let format = FloatFormat(left) else { return nil }
      self = .floats(format)
    case .int64, .int32, .int16, .int8:
      self = .integers(byteCount: left.bitCount / 8, isSigned: true)
    case .uint64, .uint32, .uint16, .uint8:
      self = .integers(byteCount: left.bitCount / 8, isSigned: false)
    case .bool:
      self = .booleans
    case .float8E5M2FNUZ, .float8E4M3FNUZ, .float8E8M0FNU, .float8E4M3FN, .float8E5M2:
      self = .smallFloats(left)
    case .complex64:
      self = .complex
    default:
      self = .patterns(bitCount: left.bitCount)
    }
  }

  /// Whether elements are real numbers that F64 represents exactly.
  private static func isFloat(_ dtype: DType) -> Bool {
    dtype.isFloatingPoint && dtype.byteCount != nil
  }

  /// Whether equal values can have different bits.
  var knowsValues: Bool {
    if case .patterns = self { false } else { true }
  }

  /// Whether the bits of the two dtypes can be compared.
  var comparesBits: Bool {
    if case .converted = self { false } else { true }
  }
}
