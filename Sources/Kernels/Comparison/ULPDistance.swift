// SPDX-License-Identifier: Apache-2.0
extension FloatFormat {
  /// The position of a number among all numbers of the format, in ascending order: neighbours differ
  /// by one, both zeros are 0, and the infinities follow the largest numbers.
  ///
  /// - Parameter bits: the bits of anything but a NaN.
  public func ordinal(ofBits bits: UInt64) -> Int64 {
    let signBit = UInt64(1) << (8 * byteCount - 1)
    let magnitude = Int64(bits & (signBit - 1))
    return bits & signBit == 0 ? magnitude : -magnitude
  }

  /// Whether these are the bits of a NaN.
  public func isNaN(bits: UInt64) -> Bool {
    let signBit = UInt64(1) << (8 * byteCount - 1)
    return bits & (signBit - 1) > infinityBits
  }

  /// Whether these are the bits of a number: neither an infinity nor a NaN.
  public func isFinite(bits: UInt64) -> Bool {
    let signBit = UInt64(1) << (8 * byteCount - 1)
    return bits & (signBit - 1) < infinityBits
  }

  /// The bits of positive infinity.
  var infinityBits: UInt64 {
    switch self {
    case .float64: 0x7FF0_0000_0000_0000
    case .float32: 0x7F80_0000
    case .bfloat16: 0x7F80
    case .float16: 0x7C00
    }
  }

  /// The number of steps between two values, from each number to the next.
  ///
  /// −0 and +0 are 0 apart, and so are any two NaNs; a NaN is `UInt64.max` from every number. The
  /// largest number and infinity are 1 apart.
  ///
  /// - Parameters:
  ///   - left: the bits of one element of this format.
  ///   - right: the bits of another.
  public func ulpDistance(_ left: UInt64, _ right: UInt64) -> UInt64 {
    switch (isNaN(bits: left), isNaN(bits: right)) {
    case (true, true): return 0
    case (false, false): break
    default: return .max
    }
    // The ordinals are within ±2^63, so that the distance fits 64 unsigned bits.
    let (a, b) = (ordinal(ofBits: left), ordinal(ofBits: right))
    return a > b ? UInt64(bitPattern: a &- b) : UInt64(bitPattern: b &- a)
  }
}
