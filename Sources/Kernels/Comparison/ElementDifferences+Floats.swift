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

  /// The format is a literal in each call, so that each gets a loop of its own.
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

  mutating func addConverted(
    _ left: RawSpan, _ leftFormat: FloatFormat, _ right: RawSpan, _ rightFormat: FloatFormat,
    from first: Int
  ) {
    let wideLeft = convertElements(left, from: leftFormat, to: .float64)
    let wideRight = convertElements(right, from: rightFormat, to: .float64)
    forEachDifference(wideLeft.span.rawBytes, wideRight.span.rawBytes, as: UInt64.self) {
      place, leftBits, rightBits in
      let (left, right) = (Double(bitPattern: leftBits), Double(bitPattern: rightBits))
      guard left != right, !(left.isNaN && right.isNaN) else { return }
      unequal += 1
      _ = addDifference(left, right, at: first + place)
    }
  }

  /// Takes note of two values that are not equal.
  ///
  /// - Returns: whether both are numbers or infinities.
  private mutating func addDifference(_ left: Double, _ right: Double, at index: Int) -> Bool {
    guard !left.isNaN, !right.isNaN else {
      nanCount += 1
      return false
    }
    let difference = (left - right).magnitude
    Self.raise(&largestAbsolute, to: difference, at: index)
    let share = difference / left.magnitude
    if left != 0, !share.isNaN { Self.raise(&largestRelative, to: share, at: index) }
    return true
  }
}
