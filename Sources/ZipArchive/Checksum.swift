internal import CZlib
internal import Tensors

/// The CRC-32 of zip archives, added up piece by piece.
package struct Checksum: Sendable, Hashable {
  /// The checksum of the bytes so far.
  package private(set) var value: UInt32 = 0

  /// The checksum of no bytes.
  package init() {}

  /// Adds the next bytes.
  package mutating func update(_ bytes: RawSpan) {
    // SAFETY: the buffer is read before the closure returns.
    unsafe bytes.withUnsafeBytes { buffer in
      let start = unsafe buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
      guard let start = unsafe start else { return }
      value = unsafe UInt32(truncatingIfNeeded: crc32_z(UInt(value), start, buffer.count))
    }
  }
}
