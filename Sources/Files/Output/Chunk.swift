// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// A buffer for one part of an output.
///
/// Large buffers start at a page boundary: so do the chunks in their file, and the system copies much
/// faster between addresses of the same alignment.
struct Chunk: Sendable {
  private var storage: [UInt8]
  private let start: Int
  /// The size in bytes; 0 for `none`.
  let byteCount: Int

  private static let pageByteCount = 1 << 12
  /// The smallest buffer, in bytes, that is aligned to a page.
  private static let alignedByteCount = 1 << 16

  /// The empty chunk.
  static let none = Chunk(byteCount: 0)

  /// Creates a chunk of zeros.
  init(byteCount: Int) {
    self.byteCount = byteCount
    let isAligned = byteCount >= Self.alignedByteCount
    storage = [UInt8](repeating: 0, count: byteCount + (isAligned ? Self.pageByteCount : 0))
    // SAFETY: only the address is used; the memory is not accessed.
    let address = unsafe storage.withUnsafeBytes { Int(bitPattern: $0.baseAddress) }
    start = isAligned ? -address & (Self.pageByteCount - 1) : 0
  }

  /// The bytes.
  var bytes: RawSpan {
    storage.span.rawBytes.extracting(start..<start + byteCount)
  }

  /// Calls `body` with a part of the bytes, to write to it.
  mutating func fill(
    _ range: Range<Int>, _ body: (inout MutableRawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    let place = start + range.lowerBound..<start + range.upperBound
    var bytes = storage.mutableRawBytes
    var part = bytes._mutatingExtracting(place)
    try body(&part)
  }
}
