// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

/// JSON for a program, strict, streamed to standard output and ended by a newline.
///
/// Everything beyond ASCII is escaped: text comes from untrusted files, and U+009B or a change of
/// direction would reach the user's terminal.
struct JSONOutput: ~Copyable {
  var writer = JSONWriter(
    JSONStyle(indent: 2, escapesNonASCII: true, sortsKeys: false, quotesNonFinite: true))

  /// The size of a write, in bytes.
  private static let chunkByteCount = 1 << 16

  /// Writes the text so far, if there is enough for a write.
  mutating func flushIfLarge() throws(CheckpointError) {
    guard writer.byteCount >= Self.chunkByteCount else { return }
    try writer.drain { bytes throws(CheckpointError) in try Console.printResult(bytes) }
  }

  /// Writes a member that is a list of objects, of which a closure writes the members.
  mutating func objects<Element>(
    _ key: String, of elements: [Element], _ members: (Element, inout JSONWriter) -> Void
  ) throws(CheckpointError) {
    writer.key(key)
    writer.beginArray()
    for element in elements {
      writer.beginObject()
      members(element, &writer)
      writer.endObject()
      try flushIfLarge()
    }
    writer.endArray()
  }

  /// Ends the document and prints it.
  consuming func print() throws(CheckpointError) {
    let bytes = writer.finish() + [UInt8(ascii: "\n")]
    try Console.printResult(bytes.span.rawBytes)
  }
}
