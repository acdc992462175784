// SPDX-License-Identifier: Apache-2.0
internal import CZlib
internal import Kernels
internal import Tensors

/// The CRC-32 of zip archives, computed piece by piece.
package struct Checksum: Sendable, Hashable {
  /// The checksum of the bytes so far.
  package private(set) var value: UInt32 = 0

  /// The checksum of no bytes.
  package init() {}

  /// Adds the next bytes.
  package mutating func update(_ bytes: RawSpan) {
    var rest = bytes
    if ChecksumFolding.isAvailable, bytes.byteCount >= ChecksumFolding.smallestByteCount {
      let count = bytes.byteCount - bytes.byteCount % ChecksumFolding.blockByteCount
      let remainder = ChecksumFolding.fold(~value, bytes.extracting(0..<count))
      // zlib's value is the complement of the register.
      value = Self.adding(remainder.span.rawBytes, to: ~0)
      rest = bytes.extracting(count..<bytes.byteCount)
    }
    value = Self.adding(rest, to: value)
  }

  /// Adds bytes whose own checksum is known.
  ///
  /// - Complexity: O(log byteCount).
  package mutating func append(_ checksum: Checksum, of byteCount: Int) {
    value = UInt32(
      truncatingIfNeeded: crc32_combine(UInt(value), UInt(checksum.value), byteCount))
  }

  private static func adding(_ bytes: RawSpan, to value: UInt32) -> UInt32 {
    // SAFETY: zlib reads the buffer's bytes, before the closure returns.
    unsafe bytes.withUnsafeBytes { buffer in
      let start = unsafe buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
      guard let start = unsafe start else { return value }
      return unsafe UInt32(truncatingIfNeeded: crc32_z(UInt(value), start, buffer.count))
    }
  }
}
