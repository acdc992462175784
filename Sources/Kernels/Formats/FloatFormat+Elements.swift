// SPDX-License-Identifier: Apache-2.0
extension FloatFormat {
  /// The bits of element `index` of a row-major run of elements, in the low bits of the result.
  ///
  /// An index outside `bytes` traps.
  public func bits(of index: Int, in bytes: RawSpan) -> UInt64 {
    let offset = index * byteCount
    precondition(index >= 0 && offset <= bytes.byteCount - byteCount, "element out of range")
    switch self {
    case .float64:
      // SAFETY: the bounds are checked above; every bit pattern is a valid integer.
      return unsafe UInt64(
        littleEndian: bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
    case .float32:
      // SAFETY: as above.
      return unsafe UInt64(
        UInt32(
          littleEndian: bytes.unsafeLoadUnaligned(
            fromUncheckedByteOffset: offset, as: UInt32.self)))
    case .bfloat16, .float16:
      // SAFETY: as above.
      return unsafe UInt64(
        UInt16(
          littleEndian: bytes.unsafeLoadUnaligned(
            fromUncheckedByteOffset: offset, as: UInt16.self)))
    }
  }

  /// The value of these bits; F64 represents all values of the four formats exactly.
  public func value(ofBits bits: UInt64) -> Double {
    switch self {
    case .float64: Double(bitPattern: bits)
    case .float32: Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
    case .bfloat16: Double(BFloat16(bitPattern: UInt16(truncatingIfNeeded: bits)).float)
    case .float16: Double(Binary16(bitPattern: UInt16(truncatingIfNeeded: bits)).float)
    }
  }

  /// The value of element `index`, exactly.
  public func value(of index: Int, in bytes: RawSpan) -> Double {
    value(ofBits: bits(of: index, in: bytes))
  }

  /// The bits of a value rounded to this format: to nearest, ties to even, half types by way of F32
  /// as torch does.
  public func bits(rounding value: Double) -> UInt64 {
    switch self {
    case .float64: value.bitPattern
    case .float32: UInt64(Float(value).bitPattern)
    case .bfloat16: UInt64(BFloat16(value).bitPattern)
    case .float16: UInt64(Binary16(value).bitPattern)
    }
  }

  /// The value rounded to this format.
  func rounding(_ value: Double) -> Double {
    self.value(ofBits: bits(rounding: value))
  }
}
