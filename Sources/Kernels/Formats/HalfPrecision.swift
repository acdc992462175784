// SPDX-License-Identifier: Apache-2.0

/// A BF16 number: the upper half of an F32 (1 sign, 8 exponent and 7 significand bits).
///
/// Swift has no such type. This one stores and converts bits, and does not compute.
public struct BFloat16: BitwiseCopyable, Hashable, Sendable {
  /// The bits as in a file.
  public var bitPattern: UInt16

  /// Creates a number from its bits.
  public init(bitPattern: UInt16) {
    self.bitPattern = bitPattern
  }

  /// Rounds to nearest, ties to even, as torch does. Values that are too large become infinite; NaN
  /// stays NaN (quiet, with its sign and leading payload).
  public init(_ value: Float) {
    guard !value.isNaN else {
      bitPattern = UInt16(value.bitPattern >> 16) | 0x40
      return
    }
    let kept = value.bitPattern >> 16
    let dropped = value.bitPattern & 0xFFFF
    let roundsUp = dropped > 0x8000 || (dropped == 0x8000 && !kept.isMultiple(of: 2))
    bitPattern = UInt16(kept + (roundsUp ? 1 : 0))
  }

  /// Rounds twice, to F32 and then to BF16, as torch does.
  public init(_ value: Double) {
    self.init(Float(value))
  }

  /// The same value, exactly.
  public var float: Float { Float(bitPattern: UInt32(bitPattern) << 16) }
}

/// An F16 number: IEEE 754 binary16 (1 sign, 5 exponent and 10 significand bits).
///
/// Swift's `Float16` is missing on macOS for Intel. This one stores and converts bits everywhere.
public struct Binary16: BitwiseCopyable, Hashable, Sendable {
  /// The bits as in a file.
  public var bitPattern: UInt16

  /// Creates a number from its bits.
  public init(bitPattern: UInt16) {
    self.bitPattern = bitPattern
  }

  /// Rounds to nearest, ties to even, as torch does. Values that are too large become infinite; NaN
  /// stays NaN (quiet, with its sign and leading payload).
  public init(_ value: Float) {
    let sign = UInt16(value.bitPattern >> 16) & 0x8000
    guard !value.isNaN else {
      bitPattern = sign | 0x7E00 | UInt16(value.bitPattern >> 13 & 0x3FF)
      return
    }
    let magnitude = value.magnitude
    if magnitude >= 65520 {
      bitPattern = sign | 0x7C00
    } else if magnitude < 0x1p-14 {
      // Count units of the smallest subnormal; 1024 of them are the smallest normal number.
      bitPattern = sign | UInt16((magnitude * 0x1p24).rounded(.toNearestOrEven))
    } else {
      // 1024...2048 units of the last place; 2048 carries into the exponent by itself.
      let exponent = Int(magnitude.exponent)
      let units = (magnitude.significand * 1024).rounded(.toNearestOrEven)
      bitPattern = sign | (UInt16((exponent + 14) << 10) + UInt16(units))
    }
  }

  /// Rounds twice, to F32 and then to F16, as torch does.
  public init(_ value: Double) {
    self.init(Float(value))
  }

  /// The same value, exactly; a signalling NaN becomes quiet.
  public var float: Float {
    let sign = UInt32(bitPattern & 0x8000) << 16
    let exponent = UInt32(bitPattern >> 10 & 0x1F)
    let fraction = UInt32(bitPattern & 0x3FF)
    switch exponent {
    case 0:
      let magnitude = Float(fraction) * 0x1p-24
      return Float(bitPattern: sign | magnitude.bitPattern)
    case 31:
      let quiet: UInt32 = fraction == 0 ? 0 : 0x40_0000
      return Float(bitPattern: sign | 0x7F80_0000 | quiet | fraction << 13)
    default:
      return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }
}
