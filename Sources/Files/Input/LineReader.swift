// SPDX-License-Identifier: Apache-2.0
public import Tensors

extension InputFile {
  /// Calls `body` with each line, without its line feed; lines longer than `limit` bytes are
  /// skipped.
  ///
  /// Text after the last line feed is skipped: its writer has not finished the line.
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
