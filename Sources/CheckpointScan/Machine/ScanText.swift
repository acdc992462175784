// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Tensors

/// The range and encoding of a text or bytes value in its pickle.
struct ScanText: Hashable, Sendable {
  /// The encoding of the characters.
  enum Encoding: UInt8, Hashable, Sendable {
    /// UTF-8, surrogates included.
    case utf8
    /// One byte for each character.
    case latin1
    /// A Python string literal in quotes (STRING).
    case literal
    /// One byte for each character, and `\uXXXX` escapes (UNICODE).
    case escaped
  }

  private let start: UInt32
  private let count: UInt32
  /// The encoding.
  let encoding: Encoding

  /// Creates a value from a range in a pickle of less than 4 GiB.
  init(_ range: Range<Int>, _ encoding: Encoding) {
    start = UInt32(range.lowerBound)
    count = UInt32(range.count)
    self.encoding = encoding
  }

  /// The range, from the start of the pickle.
  var range: Range<Int> { Int(start)..<Int(start) + Int(count) }

  /// The text, with U+FFFD in place of invalid bytes.
  func string(in bytes: RawSpan) -> String {
    let raw = bytes.array(range)
    switch encoding {
    case .utf8: return String(decoding: raw, as: UTF8.self)
    case .latin1: return Self.latin1(raw)
    case .literal: return Self.latin1(Self.unquoted(raw))
    case .escaped:
      // An invalid escape is a finding, and is shown unchanged.
      return PickleText.unescaped(raw[...]).map { String(decoding: $0, as: UTF8.self) }
        ?? Self.latin1(raw)
    }
  }

  /// The text as one byte for each character; nil if a character is beyond U+00FF.
  func latin1Bytes(in bytes: RawSpan) -> [UInt8]? {
    if encoding == .latin1 { return bytes.array(range) }
    var result: [UInt8] = []
    for scalar in string(in: bytes).unicodeScalars {
      guard let byte = UInt8(exactly: scalar.value) else { return nil }
      result.append(byte)
    }
    return result
  }

  private static func latin1(_ bytes: [UInt8]) -> String {
    var text = ""
    for byte in bytes { text.unicodeScalars.append(Unicode.Scalar(byte)) }
    return text
  }

  /// The bytes that a quoted string literal denotes.
  private static func unquoted(_ literal: [UInt8]) -> [UInt8] {
    guard literal.count >= 2, literal.first == literal.last else { return literal }
    var result: [UInt8] = []
    var rest = literal.dropFirst().dropLast()
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\"), let escape = rest.popFirst() else {
        result.append(byte)
        continue
      }
      switch escape {
      case UInt8(ascii: "n"): result.append(0x0A)
      case UInt8(ascii: "r"): result.append(0x0D)
      case UInt8(ascii: "t"): result.append(0x09)
      case UInt8(ascii: "a"): result.append(0x07)
      case UInt8(ascii: "b"): result.append(0x08)
      case UInt8(ascii: "f"): result.append(0x0C)
      case UInt8(ascii: "v"): result.append(0x0B)
      case UInt8(ascii: "x"):
        result.append(UInt8(truncatingIfNeeded: number(of: rest.prefix(2), radix: 16)))
        rest = rest.dropFirst(2)
      case UInt8(ascii: "0")...UInt8(ascii: "7"):
        let digits = [escape] + rest.prefix(2).prefix { (0x30...0x37).contains($0) }
        result.append(UInt8(truncatingIfNeeded: number(of: digits[...], radix: 8)))
        rest = rest.dropFirst(digits.count - 1)
      default: result.append(escape)
      }
    }
    return result
  }

  private static func number(of digits: ArraySlice<UInt8>, radix: Int) -> Int {
    Int(String(decoding: digits, as: UTF8.self), radix: radix) ?? 0xFFFD
  }
}
