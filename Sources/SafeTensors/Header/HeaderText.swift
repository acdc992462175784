internal import Tensors

/// A header as it is spelled, without the white space after it, and changes of its spelling.
///
/// Only `__metadata__` changes. What else stands in a header stays byte for byte, fields that are
/// ignored included: they mean something to whoever wrote them.
struct HeaderText {
  private(set) var bytes: [UInt8]

  /// Takes the text of a header that has been parsed.
  init(_ header: ArraySlice<UInt8>) {
    let end = header.lastIndex { !Self.isWhitespace($0) } ?? header.startIndex
    bytes = Array(header[...end])
  }

  /// Puts `metadata` in the place of what is there; nil takes the member out.
  ///
  /// - Parameters:
  ///   - place: where the header has the member, nil when it has none. New members go first.
  mutating func replaceMetadata(_ metadata: ArchiveMetadata?, at place: MetadataPlace?) {
    switch (metadata, place) {
    case (let metadata?, let place?):
      bytes.replaceSubrange(place.value, with: HeaderEncoder.value(metadata))
    case (let metadata?, nil):
      guard let brace = bytes.firstIndex(of: UInt8(ascii: "{")) else { return }
      var member = Array("\"__metadata__\":".utf8) + HeaderEncoder.value(metadata)
      if bytes[nextToken(from: brace + 1)] != UInt8(ascii: "}") { member.append(Self.comma) }
      bytes.insert(contentsOf: member, at: brace + 1)
    case (nil, let place?):
      bytes.removeSubrange(withComma(place.member))
    case (nil, nil):
      break
    }
  }

  /// A member and the comma that goes with it: the one after it, or else the one before it.
  private func withComma(_ member: Range<Int>) -> Range<Int> {
    let next = nextToken(from: member.upperBound)
    if bytes[next] == Self.comma { return member.lowerBound..<next + 1 }
    let previous = bytes[..<member.lowerBound].lastIndex { !Self.isWhitespace($0) }
    guard let previous, bytes[previous] == Self.comma else { return member }
    return previous..<member.upperBound
  }

  /// Where the next token starts; the last one is the brace that ends the header.
  private func nextToken(from start: Int) -> Int {
    bytes[start...].firstIndex { !Self.isWhitespace($0) } ?? bytes.count - 1
  }

  private static var comma: UInt8 { UInt8(ascii: ",") }

  private static func isWhitespace(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
      || byte == UInt8(ascii: "\t")
  }
}
