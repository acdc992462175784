// SPDX-License-Identifier: Apache-2.0
#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Glibc
#endif

extension RawSpan {
  /// The first offset of a byte at or after `start`; nil if there is none.
  func firstOffset(of byte: UInt8, from start: Int) -> Int? {
    // SAFETY: the search stays in the buffer, which outlives it, and only the distance is kept.
    unsafe extracting(start...).withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress,
        let found = unsafe memchr(base, CInt(byte), buffer.count)
      else { return nil }
      return unsafe start + base.distance(to: UnsafeRawPointer(found))
    }
  }
}
