public import Tensors

extension InputFile {
  /// Passes the lines on, each without its end; those longer than `limit` bytes are left out.
  ///
  /// What follows the last line feed is no line: its writer has not finished it.
  ///
  /// - Throws: as `read(_:to:)`, and what `body` throws.
  /// - Complexity: O(bytes), in memory for one line and a piece of the file.
  public func readLines(
    limit: Int, _ body: ([UInt8]) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    var line: [UInt8] = []
    var isTooLong = false
    try read(0..<byteCount) { piece throws(CheckpointError) in
      let bytes = Span<UInt8>(_bytes: piece)
      for index in bytes.indices {
        if bytes[index] == UInt8(ascii: "\n") {
          if !isTooLong { try body(line) }
          line.removeAll(keepingCapacity: true)
          isTooLong = false
        } else if line.count < limit {
          line.append(bytes[index])
        } else {
          isTooLong = true
        }
      }
    }
  }
}
