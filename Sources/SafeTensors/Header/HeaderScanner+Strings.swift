// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// A string in the header, with its escapes.
struct StringToken {
  /// The bytes between the quotes.
  let range: Range<Int>
  /// Whether it contains escapes.
  let hasEscapes: Bool
}

extension HeaderScanner {
  /// Scans a string; the cursor must be at its opening quote.
  ///
  /// Escapes are checked here, but decoded by `decode`, since most strings have none.
  mutating func scanString() throws(CheckpointError) -> StringToken {
    guard current == UInt8(ascii: "\"") else { throw failure("expected a string") }
    position += 1
    let start = position
    var hasEscapes = false
    skipPlainText()
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "\""):
        defer { position += 1 }
        return StringToken(range: start..<position, hasEscapes: hasEscapes)
      case UInt8(ascii: "\\"):
        hasEscapes = true
        _ = try scanEscape()
        skipPlainText()
      case 0..<0x20:
        throw failure("a string contains an unescaped control character")
      default:
        position += 1
      }
    }
    throw failure("a string does not end")
  }

  /// Skips ordinary bytes, eight at a time. On return the cursor is at a quote, a backslash or a
  /// control character, or fewer than eight bytes are left.
  @inline(__always)
  private mutating func skipPlainText() {
    while position <= bytes.count - 8 {
      let word = bytes.word(at: position)
      let stops =
        word.highBits(ofBytesBelow: 0x20)
        | (word ^ UInt64(repeating: UInt8(ascii: "\""))).highBits(ofBytesBelow: 1)
        | (word ^ UInt64(repeating: UInt8(ascii: "\\"))).highBits(ofBytesBelow: 1)
      guard stops == 0 else {
        position += stops.trailingZeroBitCount / 8
        return
      }
      position += 8
    }
  }

  /// Decodes a string to UTF-8 and appends it to `text`.
  func decode(_ token: StringToken, into text: inout [UInt8]) throws(CheckpointError) {
    var scanner = HeaderScanner(bytes, baseOffset: baseOffset)
    scanner.position = token.range.lowerBound
    while scanner.position < token.range.upperBound {
      let byte = bytes[scanner.position]
      if byte == UInt8(ascii: "\\") {
        text.append(contentsOf: Array(String(try scanner.scanEscape()).utf8))
      } else {
        text.append(byte)
        scanner.position += 1
      }
    }
  }

  /// The decoded text of a string.
  func string(_ token: StringToken) throws(CheckpointError) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(token.range.count)
    try decode(token, into: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// Scans an escape; the cursor must be at its backslash.
  private mutating func scanEscape() throws(CheckpointError) -> Unicode.Scalar {
    let start = position
    position += 1
    guard let kind = current else { throw failure("a string does not end") }
    position += 1
    switch kind {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(kind)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): break
    default: throw failure("unknown escape", at: start)
    }
    var value = UInt32(try scanHexadecimal())
    if value & 0xFC00 == 0xD800, current == UInt8(ascii: "\\") {
      position += 1
      guard current == UInt8(ascii: "u") else { throw failure("a lone surrogate", at: start) }
      position += 1
      let low = UInt32(try scanHexadecimal())
      guard low & 0xFC00 == 0xDC00 else { throw failure("a lone surrogate", at: start) }
      value = 0x10000 + (value & 0x3FF) << 10 + (low & 0x3FF)
    }
    guard let scalar = Unicode.Scalar(value) else {
      throw failure("a lone surrogate, which is not text", at: start)
    }
    return scalar
  }

  private mutating func scanHexadecimal() throws(CheckpointError) -> UInt16 {
    var value: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw failure("an escape needs four hexadecimal digits")
      }
      value = value << 4 | UInt16(digit)
      position += 1
    }
    return value
  }
}

extension UInt64 {
  /// A byte repeated eight times.
  @inline(__always)
  fileprivate init(repeating byte: UInt8) {
    self = 0x0101_0101_0101_0101 * UInt64(byte)
  }

  /// A word whose lowest set bit is the high bit of the lowest byte below `limit`, which is at most
  /// 128; zero when there is none. Higher bits are undefined: a borrow may have set them.
  @inline(__always)
  fileprivate func highBits(ofBytesBelow limit: UInt8) -> UInt64 {
    (self &- UInt64(repeating: limit)) & ~self & UInt64(repeating: 0x80)
  }
}
