// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The bits by which an element type's special values and zeros are told.
struct SurveyedElement: Hashable, Sendable {
  /// The size in bytes.
  let byteCount: Int
  /// The bits that are those of `specialBits` in NaN and infinities, and in no other value.
  let specialMask: UInt64
  /// The values of these bits; none of them is in the mask if the type has no special values.
  let specialBits: UInt64
  /// The bits that are zero in a zero, of either sign.
  let valueMask: UInt64
  /// The bits of the number 1; nil for types of which it is not told.
  let one: UInt64?

  init(_ dtype: DType) {
    switch dtype {
    // An exponent of all ones is a NaN or an infinity.
    case .float64: self.init(8, exponent: 0x7FF0_0000_0000_0000, one: 0x3FF0_0000_0000_0000)
    case .float32: self.init(4, exponent: 0x7F80_0000, one: 0x3F80_0000)
    case .bfloat16: self.init(2, exponent: 0x7F80, one: 0x3F80)
    case .float16: self.init(2, exponent: 0x7C00, one: 0x3C00)
    case .float8E5M2: self.init(1, exponent: 0x7C)
    // The one NaN of each sign; there are no infinities.
    case .float8E4M3FN: self.init(1, exponent: 0x7F)
    // The bits of a negative zero are the only NaN.
    case .float8E4M3FNUZ, .float8E5M2FNUZ: self.init(1, special: 0x80)
    // The type has no zero: bits of zero show that nothing was written.
    case .float8E8M0FNU: self.init(1, special: 0xFF)
    default: self.init(bits: dtype.isQuantized ? 8 : max(8, dtype.bitCount))
    }
  }

  private init(_ byteCount: Int, exponent: UInt64, one: UInt64? = nil) {
    let sign = UInt64(1) << (UInt64(byteCount) * 8 - 1)
    self.init(
      byteCount, specialMask: exponent, specialBits: exponent, valueMask: sign - 1, one: one)
  }

  private init(_ byteCount: Int, special: UInt64) {
    self.init(byteCount, specialMask: 0xFF, specialBits: special, valueMask: 0xFF)
  }

  private init(bits: Int) {
    self.init(bits / 8, specialMask: 0, specialBits: 1, valueMask: .max)
  }

  private init(
    _ byteCount: Int, specialMask: UInt64, specialBits: UInt64, valueMask: UInt64,
    one: UInt64? = nil
  ) {
    self.one = one
    self.byteCount = byteCount
    self.specialMask = specialMask
    self.specialBits = specialBits
    self.valueMask = valueMask
  }
}
