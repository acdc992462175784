// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The text of a header, without the white space after it.
///
/// Only `__metadata__` changes. All other bytes stay, also of ignored fields, which have a meaning
/// for their writer.
struct HeaderText {
  private(set) var bytes: [UInt8]

  /// Copies the text of a parsed header.
  init(_ header: ArraySlice<UInt8>) {
    let end = header.lastIndex { !Self.isWhitespace($0) } ?? header.startIndex
    bytes = Array(header[...end])
  }

  /// Replaces the metadata; nil removes the member.
  ///
  /// - Parameters:
  ///   - place: the place of the member, nil when there is none. A new member comes first.
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

  /// A member and its comma: the one after it, or else the one before it.
  private func withComma(_ member: Range<Int>) -> Range<Int> {
    let next = nextToken(from: member.upperBound)
    if bytes[next] == Self.comma { return member.lowerBound..<next + 1 }
    let previous = bytes[..<member.lowerBound].lastIndex { !Self.isWhitespace($0) }
    guard let previous, bytes[previous] == Self.comma else { return member }
    return previous..<member.upperBound
  }

  /// The offset of the next token; the last one is the brace that ends the header.
  private func nextToken(from start: Int) -> Int {
    bytes[start...].firstIndex { !Self.isWhitespace($0) } ?? bytes.count - 1
  }

  private static var comma: UInt8 { UInt8(ascii: ",") }

  private static func isWhitespace(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
      || byte == UInt8(ascii: "\t")
  }
}
