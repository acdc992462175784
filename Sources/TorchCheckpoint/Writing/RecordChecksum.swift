internal import CZlib
internal import Files
internal import Tensors

/// The CRC-32 of a record, taken while its bytes are written.
final class RecordChecksum: ByteObserver {
  /// The checksum of what has been seen.
  private(set) var value: UInt32 = 0

  func observe(_ bytes: RawSpan) {
    // SAFETY: zlib reads exactly the buffer's bytes, before the closure returns.
    unsafe bytes.withUnsafeBytes { buffer in
      guard let start = buffer.baseAddress else { return }
      let bytes = unsafe start.assumingMemoryBound(to: UInt8.self)
      value = UInt32(truncatingIfNeeded: unsafe crc32_z(uLong(value), bytes, buffer.count))
    }
  }
}
