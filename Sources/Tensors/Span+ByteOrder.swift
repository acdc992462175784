// Names are compared when files are sorted and looked up: eight bytes at a time. They are hashed as a
// whole, not byte by byte.

extension Span where Element == UInt8 {
  /// Whether both hold the same bytes.
  package func hasSameBytes(as other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    return firstDifference(to: other) == count
  }

  /// Whether these bytes come first.
  package func starts(with other: Span<UInt8>) -> Bool {
    firstDifference(to: other) == other.count
  }

  /// Feeds the bytes to a hasher, so that what follows cannot be taken for more of them.
  package func hash(into hasher: inout Hasher) {
    // SAFETY: the buffer is read before the closure returns.
    unsafe rawBytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    hasher.combine(UInt8(0xFF))
  }

  /// Whether this one sorts before the other, as bytes: a prefix before what it begins.
  package func precedes(_ other: Span<UInt8>) -> Bool {
    let index = firstDifference(to: other)
    guard index < count, index < other.count else { return count < other.count }
    return self[index] < other[index]
  }

  /// Where the bytes differ first, or where the shorter one ends.
  private func firstDifference(to other: Span<UInt8>) -> Int {
    let end = Swift.min(count, other.count)
    var index = 0
    while index <= end - 8 {
      let difference = word(at: index) ^ other.word(at: index)
      guard difference == 0 else { return index + difference.trailingZeroBitCount / 8 }
      index += 8
    }
    while index < end, self[index] == other[index] { index += 1 }
    return index
  }

  /// The eight bytes that start at `index`, the first one lowest. Reading past the end traps.
  private func word(at index: Int) -> UInt64 {
    // SAFETY: the load checks its bounds, and every bit pattern is a valid integer.
    unsafe UInt64(
      littleEndian: rawBytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
  }
}
