// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension JSONScanner {
  /// The largest number of digits that always fits json-c's 64 bits; of longer integers the text is
  /// kept.
  static let safeDigits = 18

  /// Scans a literal of JSON, or of Python's extension.
  mutating func scanWord(_ word: String) throws(CheckpointError) {
    let start = position
    for byte in word.utf8 {
      guard next == byte else {
        position = start
        throw expected("a value")
      }
      position += 1
    }
  }

  /// Scans a number or `-Infinity`.
  mutating func scanNumber() throws(CheckpointError) {
    let start = position
    if next == UInt8(ascii: "-") {
      position += 1
      if next == UInt8(ascii: "I") { return try scanWord("Infinity") }
    }
    let firstDigit = position
    try scanDigits()
    let digitCount = position - firstDigit
    if digitCount > 1, bytes[firstDigit] == UInt8(ascii: "0") {
      throw failure("a number must not have a leading zero", at: start)
    }
    var isInteger = true
    if next == UInt8(ascii: ".") {
      isInteger = false
      position += 1
      try scanDigits()
    }
    if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
      isInteger = false
      position += 1
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
      try scanDigits()
    }
    guard isInteger, digitCount > Self.safeDigits else { return }
    guard digitCount <= JSONLimits.integerDigits else {
      throw failure(
        "an integer has \(digitCount) digits, more than \(JSONLimits.integerDigits)", at: start)
    }
    largeIntegers.append(start..<position)
  }

  /// Scans one or more digits.
  private mutating func scanDigits() throws(CheckpointError) {
    let start = position
    while let byte = next, byte >= 0x30 && byte <= 0x39 { position += 1 }
    guard position > start else { throw expected("a digit") }
  }

  /// Scans a string with its quotes.
  mutating func scanString(isKey: Bool) throws(CheckpointError) -> Key {
    let quote = position
    var hasEscapes = false
    position += 1
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        return key(quote + 1..<position - 1, hasEscapes: hasEscapes, isHashed: isKey)
      case UInt8(ascii: "\\"):
        hasEscapes = true
        try scanEscape(isKey: isKey)
      case 0..<0x20:
        throw failure("a string contains the raw control character \(found)").hinting(
          "write line breaks and other control characters in strings as \\n, \\t, \\u0000")
      default:
        position += 1
      }
    }
    throw failure("a string is not closed", at: quote).hinting(Self.truncationHint)
  }

  /// Scans a backslash and the rest of its escape.
  private mutating func scanEscape(isKey: Bool) throws(CheckpointError) {
    let start = position
    position += 1
    switch next {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
      UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      position += 1
    case UInt8(ascii: "u"):
      let unit = try scanCodeUnit(from: start)
      if unit == 0, isKey {
        throw failure("a key contains NUL", at: start)
      }
      guard unit & 0xF800 == 0xD800 else { return }
      guard unit < 0xDC00, next == UInt8(ascii: "\\"), position + 1 < bytes.count,
        bytes[position + 1] == UInt8(ascii: "u")
      else { throw loneSurrogate(unit, at: start) }
      let second = position
      position += 1
      let low = try scanCodeUnit(from: second)
      guard low & 0xFC00 == 0xDC00 else { throw loneSurrogate(unit, at: start) }
      surrogatePairs.append(start)
    case nil:
      throw failure("a string is not closed", at: start).hinting(Self.truncationHint)
    default:
      throw failure("unknown escape: '\\' before \(found)", at: start).hinting(
        "write a backslash as \\\\")
    }
  }

  /// Scans `u` and four hexadecimal digits of the escape at `start`.
  private mutating func scanCodeUnit(from start: Int) throws(CheckpointError) -> UInt16 {
    position += 1
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Self.hexadecimalValue(byte) else {
        throw failure("'\\u' must be followed by four hexadecimal digits", at: start)
      }
      unit = unit << 4 | digit
      position += 1
    }
    return unit
  }

  /// The value of a hexadecimal digit, or nil.
  static func hexadecimalValue(_ byte: UInt8) -> UInt16? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
  }
}
