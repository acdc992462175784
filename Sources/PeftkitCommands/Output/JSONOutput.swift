internal import Files
internal import JSONDocument
internal import Tensors

/// JSON for a program, strict, streamed to standard output and ended by a newline.
///
/// Everything beyond ASCII is escaped: text comes from files that nobody vouches for, and U+009B or
/// a change of direction would reach the terminal of whoever looks at the output.
struct JSONOutput: ~Copyable {
  var writer = JSONWriter(
    JSONStyle(indent: 2, escapesNonASCII: true, sortsKeys: false, quotesNonFinite: true))

  /// What is gathered before it is written out.
  private static let chunkByteCount = 1 << 16

  /// Writes out what has been gathered, when it is worth a call.
  mutating func flushIfLarge() throws(CheckpointError) {
    guard writer.byteCount >= Self.chunkByteCount else { return }
    try writer.drain { bytes throws(CheckpointError) in try StandardStream.output.write(bytes) }
  }

  /// Ends the document and prints it.
  consuming func print() throws(CheckpointError) {
    let bytes = writer.finish() + [UInt8(ascii: "\n")]
    try StandardStream.output.write(bytes.span.rawBytes)
  }
}

extension JSONWriter {
  /// Writes a member that is a string, or null.
  mutating func member(_ key: String, _ value: String?) {
    self.key(key)
    if let value { string(value) } else { null() }
  }

  /// Writes a member that is an integer, or null.
  mutating func member(_ key: String, _ value: Int?) {
    self.key(key)
    if let value { integer(value) } else { null() }
  }

  /// Writes a member that is true or false.
  mutating func member(_ key: String, _ value: Bool) {
    self.key(key)
    bool(value)
  }

  /// Writes a member that is a number, or null.
  mutating func member(_ key: String, _ value: Double?) {
    self.key(key)
    if let value { float(value) } else { null() }
  }

  /// Writes a list of integers.
  mutating func integers(_ values: some Sequence<some FixedWidthInteger>) {
    beginArray()
    for value in values { integer(value) }
    endArray()
  }
}
