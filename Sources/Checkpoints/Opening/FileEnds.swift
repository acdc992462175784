// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Pickle
internal import Tensors

/// The first and the last bytes of a file.
struct FileEnds {
  /// The first bytes.
  let head: [UInt8]
  /// The last bytes, which do not overlap the first.
  let tail: [UInt8]
  /// The first bytes in lower case, without white space and a byte order mark in front; empty when
  /// they are not text.
  let text: String

  /// The number of bytes that are read at each end.
  static let byteCount = 4096

  init(head: [UInt8], tail: [UInt8] = []) {
    self.head = head
    self.tail = tail.isEmpty ? head : tail
    let start = head.prefix(1024)
    guard Self.isText(start) else {
      text = ""
      return
    }
    let decoded = String(decoding: start, as: UTF8.self)
    text = decoded.drop { $0.isWhitespace || $0 == "\u{FEFF}" }.lowercased()
  }

  /// Whether bytes are UTF-8 without control characters, except for a character that is cut off.
  private static func isText(_ bytes: ArraySlice<UInt8>) -> Bool {
    !bytes.contains { $0 < 0x09 } && (0...3).contains { PickleText.isUTF8(bytes.dropLast($0)) }
  }

  /// Reads both ends of a file.
  ///
  /// - Throws: `system` when the file cannot be read.
  init(of file: InputFile) throws(CheckpointError) {
    let headCount = min(Self.byteCount, file.byteCount)
    let tailCount = min(Self.byteCount, file.byteCount - headCount)
    try self.init(
      head: file.read(at: 0, count: headCount),
      tail: file.read(at: file.byteCount - tailCount, count: tailCount))
  }

  /// The little-endian number of four bytes at an offset; nil beyond the head.
  func number(at offset: Int) -> UInt32? {
    guard offset >= 0, offset <= head.count - 4 else { return nil }
    return head[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// The printable ASCII text of a range; nil for other bytes.
  func printable(_ range: Range<Int>) -> String? {
    guard range.lowerBound >= 0, range.upperBound <= head.count else { return nil }
    let bytes = head[range]
    guard bytes.allSatisfy({ (0x20...0x7E).contains($0) }) else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Whether the file starts with the length of a JSON header that is not longer than safetensors
  /// allows, and the header's first character.
  var startsAsSafeTensors: Bool {
    guard head.count > 8, head[8] == UInt8(ascii: "{"), let low = number(at: 0) else {
      return false
    }
    return number(at: 4) == 0 && (2...100_000_000).contains(low)
  }
}

extension FileEnds {
  /// The way in which a transfer as text changed the bytes; nil when it shows no such change.
  var textDamage: TextDamage? {
    let pieces = tail.count == head.count && tail == head ? [head] : [head, tail]
    // Text itself may have any line ends.
    guard pieces.contains(where: { $0.contains(0) }) else { return nil }
    return TextDamage.allCases.first { $0.shows(in: pieces) }
  }
}

/// A way in which the bytes of a file change when a program copies it as text.
enum TextDamage: CaseIterable {
  /// Each line feed became a carriage return and a line feed.
  case lineEnds
  /// Bytes that are not UTF-8 became the replacement character.
  case replacedBytes

  /// The fewest changed places that are not taken for chance.
  private static let least = 3

  /// Whether the change shows everywhere where it would have happened, and often enough.
  func shows(in pieces: [[UInt8]]) -> Bool {
    var count = 0
    for piece in pieces {
      switch self {
      case .lineEnds:
        for index in piece.indices.dropFirst() where piece[index] == 0x0A {
          guard piece[index - 1] == 0x0D else { return false }
          count += 1
        }
      case .replacedBytes:
        // The ends of a piece may divide a character.
        let start = piece.prefix(3).prefix { $0 & 0xC0 == 0x80 }.count
        let whole = piece[start...]
        guard (0...3).contains(where: { PickleText.isUTF8(whole.dropLast($0)) }) else {
          return false
        }
        count += whole.indices.count { whole[$0...].starts(with: [0xEF, 0xBF, 0xBD]) }
      }
    }
    return count >= Self.least
  }

  /// The change, in words.
  var description: String {
    switch self {
    case .lineEnds: "it was copied as text, which put a carriage return before every line feed"
    case .replacedBytes: "it was copied as text, which replaced every byte that is not UTF-8"
    }
  }
}
