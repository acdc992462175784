// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension ElementDifferences {
  mutating func addFloats(
    _ left: RawSpan, _ right: RawSpan, _ format: FloatFormat, from first: Int
  ) {
    switch format {
    case .float64:
      addFloats(left, right, .float64, UInt64.self, from: first) { Double(bitPattern: $0) }
    case .float32:
      addFloats(left, right, .float32, UInt32.self, from: first) {
        Double(Float(bitPattern: $0))
      }
    case .bfloat16:
      addFloats(left, right, .bfloat16, UInt16.self, from: first) {
        Double(BFloat16(bitPattern: $0).float)
      }
    case .float16:
      addFloats(left, right, .float16, UInt16.self, from: first) {
        Double(Binary16(bitPattern: $0).float)
      }
    }
  }

  /// The format is a literal in each call, so that each has a specialized loop.
  @inline(__always)
  private mutating func addFloats<Bits: UnsignedInteger & FixedWidthInteger & BitwiseCopyable>(
    _ left: RawSpan, _ right: RawSpan, _ format: FloatFormat, _: Bits.Type, from first: Int,
    value: (Bits) -> Double
  ) {
    forEachDifference(left, right, as: Bits.self) { place, leftBits, rightBits in
      differing += 1
      let distance = format.ulpDistance(UInt64(leftBits), UInt64(rightBits))
      guard distance > 0 else { return }
      unequal += 1
      guard addDifference(value(leftBits), value(rightBits), at: first + place) else { return }
      Self.raise(&largestULPDistance, to: distance, at: first + place)
    }
  }

  /// Compares floats of 8 bits by their tables.
  mutating func addSmallFloats(
    _ left: RawSpan, _ right: RawSpan, _ numbers: SmallFloats, from first: Int
  ) {
    forEachDifference(left, right, as: UInt8.self) { place, leftBits, rightBits in
      differing += 1
      let (leftIndex, rightIndex) = (Int(leftBits), Int(rightBits))
      let (left, right) = (numbers.values[leftIndex], numbers.values[rightIndex])
      guard left != right, !(left.isNaN && right.isNaN) else { return }
      unequal += 1
      guard addDifference(left, right, at: first + place) else { return }
      let distance = (numbers.ordinals[leftIndex] - numbers.ordinals[rightIndex]).magnitude
      Self.raise(&largestULPDistance, to: UInt64(distance), at: first + place)
    }
  }

  /// Compares complex numbers by parts: the distance is the larger of the parts' distances, the
  /// difference is that of points in the plane.
  mutating func addComplex(_ left: RawSpan, _ right: RawSpan, from first: Int) {
    forEachDifference(left, right, as: UInt64.self) { place, leftBits, rightBits in
      differing += 1
      let distance = max(
        FloatFormat.float32.ulpDistance(leftBits & 0xFFFF_FFFF, rightBits & 0xFFFF_FFFF),
        FloatFormat.float32.ulpDistance(leftBits >> 32, rightBits >> 32))
      guard distance > 0 else { return }
      unequal += 1
      guard distance < .max else {
        nanCount += 1
        return
      }
      let (left, right) = (ComplexParts(bits: leftBits), ComplexParts(bits: rightBits))
      addDifference(left.distance(to: right), of: left.magnitude, at: first + place)
      Self.raise(&largestULPDistance, to: distance, at: first + place)
    }
  }

  mutating func addConverted(
    _ left: RawSpan, _ leftType: DType, _ right: RawSpan, _ rightType: DType, from first: Int
  ) {
    let wideLeft = castToFloat64(left, from: leftType)
    let wideRight = castToFloat64(right, from: rightType)
    // SAFETY: integers have no padding.
    let (leftBytes, rightBytes) = unsafe (wideLeft.span.bytes, wideRight.span.bytes)
    forEachDifference(leftBytes, rightBytes, as: UInt64.self) {
      place, leftBits, rightBits in
      let (left, right) = (Double(bitPattern: leftBits), Double(bitPattern: rightBits))
      guard left != right, !(left.isNaN && right.isNaN) else { return }
      unequal += 1
      _ = addDifference(left, right, at: first + place)
    }
  }

  /// Records two values that are not equal.
  ///
  /// - Returns: whether both are numbers or infinities.
  private mutating func addDifference(_ left: Double, _ right: Double, at index: Int) -> Bool {
    guard !left.isNaN, !right.isNaN else {
      nanCount += 1
      return false
    }
    addDifference((left - right).magnitude, of: left.magnitude, at: index)
    return true
  }

  private mutating func addDifference(_ difference: Double, of magnitude: Double, at index: Int) {
    Self.raise(&largestAbsolute, to: difference, at: index)
    let share = difference / magnitude
    if magnitude != 0, !share.isNaN { Self.raise(&largestRelative, to: share, at: index) }
  }
}

/// A complex number of two F32, in F64: squares neither overflow nor vanish.
private struct ComplexParts {
  let real: Double
  let imaginary: Double

  init(bits: UInt64) {
    real = Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
    imaginary = Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits >> 32)))
  }

  private init(real: Double, imaginary: Double) {
    self.real = real
    self.imaginary = imaginary
  }

  /// The distance from 0; infinite when a part is.
  var magnitude: Double {
    if real.isInfinite || imaginary.isInfinite { return .infinity }
    return (real * real + imaginary * imaginary).squareRoot()
  }

  /// The distance in the plane; parts that are both NaN, or the same infinity, are equal.
  func distance(to other: Self) -> Double {
    func difference(_ left: Double, _ right: Double) -> Double {
      left == right || (left.isNaN && right.isNaN) ? 0 : left - right
    }
    return Self(
      real: difference(real, other.real), imaginary: difference(imaginary, other.imaginary)
    ).magnitude
  }
}
