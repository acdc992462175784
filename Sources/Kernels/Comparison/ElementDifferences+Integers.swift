// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension ElementDifferences {
  @inline(__always)
  mutating func addIntegers<Element: FixedWidthInteger & BitwiseCopyable>(
    _ left: RawSpan, _ right: RawSpan, as: Element.Type, from first: Int
  ) {
    forEachDifference(left, right, as: Element.self) { place, left, right in
      differing += 1
      unequal += 1
      // Extended to 64 bits and subtracted without their sign: at most 2^64 - 1, which fits.
      let (low, high) = left < right ? (left, right) : (right, left)
      let distance = UInt64(truncatingIfNeeded: high) &- UInt64(truncatingIfNeeded: low)
      Self.raise(&largestInteger, to: distance, at: first + place)
    }
  }

  mutating func addBooleans(_ left: RawSpan, _ right: RawSpan, from first: Int) {
    forEachDifference(left, right, as: UInt8.self) { place, left, right in
      differing += 1
      guard (left == 0) != (right == 0) else { return }
      unequal += 1
      Self.raise(&largestInteger, to: 1, at: first + place)
    }
  }

  /// Counts elements that differ in any bit. Elements smaller than a byte are packed from the lowest
  /// bit up, across bytes and pieces.
  mutating func addPatterns(_ left: RawSpan, _ right: RawSpan, bitCount: UInt, from start: Int) {
    forEachDifference(left, right, as: UInt8.self) { place, left, right in
      let firstBit = UInt(start + place) &* 8
      var difference = left ^ right
      while difference != 0 {
        let element = (firstBit + UInt(difference.trailingZeroBitCount)) / bitCount
        if element != lastDiffering {
          differing += 1
          lastDiffering = element
        }
        difference &= difference - 1
      }
    }
  }

  @inline(__always)
  static func raise<Value>(_ largest: inout Largest<Value>?, to value: Value, at index: Int) {
    if let largest, largest.value >= value { return }
    largest = Largest(value: value, index: index)
  }
}

/// Calls `body` with the index and both values of each element whose bytes differ.
///
/// - Complexity: O(elements); equal bytes are compared at the speed of memory.
@inline(__always)
func forEachDifference<Element: FixedWidthInteger & BitwiseCopyable>(
  _ left: RawSpan, _ right: RawSpan, as: Element.Type, _ body: (Int, Element, Element) -> Void
) {
  let size = MemoryLayout<Element>.size
  precondition(left.byteCount == right.byteCount, "runs of different lengths")
  precondition(left.byteCount.isMultiple(of: size), "runs must hold whole elements")
  let count = left.byteCount / size
  // After a difference, equal runs are searched for only now and then, since differences cluster.
  let stride = 1024
  var start = 0
  while start < count {
    start +=
      equalPrefixByteCount(left.extracting((start * size)...), right.extracting((start * size)...))
      / size
    let end = min(start + stride, count)
    while start < end {
      // SAFETY: `start` is below the count of elements; every bit pattern is a valid integer.
      let leftElement = unsafe Element(
        littleEndian: left.unsafeLoadUnaligned(
          fromUncheckedByteOffset: start * size, as: Element.self))
      // SAFETY: as above; both spans have the same length.
      let rightElement = unsafe Element(
        littleEndian: right.unsafeLoadUnaligned(
          fromUncheckedByteOffset: start * size, as: Element.self))
      if leftElement != rightElement { body(start, leftElement, rightElement) }
      start += 1
    }
  }
}
