// SPDX-License-Identifier: Apache-2.0

// Comparisons and hashes of names, for sorting and lookups: eight bytes at a time, or all at once.

extension Span where Element == UInt8 {
  /// Whether both contain the same bytes.
  package func hasSameBytes(as other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    return firstDifference(to: other) == count
  }

  /// Whether the span starts with these bytes.
  package func starts(with other: Span<UInt8>) -> Bool {
    firstDifference(to: other) == other.count
  }

  /// Feeds the bytes and an end mark to a hasher.
  package func hash(into hasher: inout Hasher) {
    // SAFETY: the buffer is read before the closure returns.
    unsafe rawBytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    hasher.combine(UInt8(0xFF))
  }

  /// Whether this span sorts before the other by bytes; a prefix sorts first.
  package func precedes(_ other: Span<UInt8>) -> Bool {
    let index = firstDifference(to: other)
    guard index < count, index < other.count else { return count < other.count }
    return self[index] < other[index]
  }

  /// The offset of the first place where other bytes occur; nil if they do not.
  package func firstOffset(of other: Span<UInt8>) -> Int? {
    guard !other.isEmpty else { return 0 }
    guard other.count <= count else { return nil }
    let first = other[0]
    let pattern = UInt64(first) &* 0x0101_0101_0101_0101
    let last = count - other.count
    var index = 0
    while index <= last {
      // Skips eight bytes at a time that do not contain the first one.
      if index <= count - 8 {
        let difference = word(at: index) ^ pattern
        let zeros = (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080
        index += zeros.trailingZeroBitCount / 8
        if zeros == 0 { continue }
        guard index <= last else { return nil }
      }
      if self[index] == first, extracting(index...).starts(with: other) { return index }
      index += 1
    }
    return nil
  }

  /// The index of the first difference, or the length of the shorter span.
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

  /// The eight bytes at `index` as a little-endian word. Reading past the end traps.
  private func word(at index: Int) -> UInt64 {
    // SAFETY: the load checks its bounds, and every bit pattern is a valid integer.
    unsafe UInt64(
      littleEndian: rawBytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
  }
}
