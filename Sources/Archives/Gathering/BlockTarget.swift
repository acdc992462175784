// SPDX-License-Identifier: Apache-2.0
package import Files
package import Tensors

/// A place for bytes that are computed where they are needed, such as a file.
package protocol BlockTarget: ~Copyable {
  /// Appends bytes that `fill` writes, all of them.
  mutating func append(
    byteCount: Int, _ fill: (inout MutableRawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError)

  /// Appends a range of another file.
  mutating func copy(from source: InputFile, range: Range<Int>) throws(CheckpointError)
}

extension AtomicFile: BlockTarget {}

extension BlockTarget where Self: ~Copyable {
  /// Reads the range in pieces.
  package mutating func copy(
    from source: InputFile, range: Range<Int>
  ) throws(CheckpointError) {
    var offset = range.lowerBound
    while offset < range.upperBound {
      let count = min(AtomicFile.largestPiece, range.upperBound - offset)
      try append(byteCount: count) { bytes throws(CheckpointError) in
        try source.read(at: offset, into: &bytes)
      }
      offset += count
    }
  }

  /// Appends bytes in pieces that a file takes.
  package mutating func append(copying bytes: RawSpan) throws(CheckpointError) {
    var offset = 0
    while offset < bytes.byteCount {
      let count = min(AtomicFile.largestPiece, bytes.byteCount - offset)
      let piece = bytes.extracting(offset..<offset + count)
      try append(byteCount: count) { output throws(CheckpointError) in
        output.copyBytes(of: piece)
      }
      offset += count
    }
  }
}

/// A target that passes each block on.
package struct SinkTarget: BlockTarget {
  private let sink: (RawSpan) throws(CheckpointError) -> Void
  private var block: [UInt8] = []

  package init(sink: @escaping (RawSpan) throws(CheckpointError) -> Void) {
    self.sink = sink
  }

  package mutating func append(
    byteCount: Int, _ fill: (inout MutableRawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try block.fill(byteCount: byteCount, fill)
    try sink(block.span.rawBytes.extracting(0..<byteCount))
  }
}

extension [UInt8] {
  /// Fills the first bytes; grows to as many if it has fewer.
  ///
  /// - Throws: what `body` throws.
  package mutating func fill(
    byteCount: Int, _ body: (inout MutableRawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    if count < byteCount { self = [UInt8](repeating: 0, count: byteCount) }
    var bytes = mutableRawBytes
    var part = bytes._mutatingExtracting(0..<byteCount)
    try body(&part)
  }
}
