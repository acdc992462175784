internal import Tensors

/// Memory in which a part of an output is put together.
///
/// That of large ones starts where a page does: chunks start at pages of their files, and the system copies
/// much faster between places that lie alike.
struct Chunk: Sendable {
  private var storage: [UInt8]
  private let start: Int
  /// The size in bytes, 0 for none.
  let byteCount: Int

  private static let pageByteCount = 1 << 12
  /// What is large.
  private static let alignedByteCount = 1 << 16

  /// No chunk.
  static let none = Chunk(byteCount: 0)

  /// Memory that holds zeros.
  init(byteCount: Int) {
    self.byteCount = byteCount
    let isAligned = byteCount >= Self.alignedByteCount
    storage = [UInt8](repeating: 0, count: byteCount + (isAligned ? Self.pageByteCount : 0))
    // SAFETY: the address is looked at, and not what is there.
    let address = unsafe storage.withUnsafeBytes { Int(bitPattern: $0.baseAddress) }
    start = isAligned ? -address & (Self.pageByteCount - 1) : 0
  }

  /// The bytes.
  var bytes: RawSpan {
    storage.span.rawBytes.extracting(start..<start + byteCount)
  }

  /// Lends a part of the bytes to be changed.
  mutating func fill(
    _ range: Range<Int>, _ body: (inout MutableRawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    let place = start + range.lowerBound..<start + range.upperBound
    var bytes = storage.mutableRawBytes
    var part = bytes._mutatingExtracting(place)
    try body(&part)
  }
}
