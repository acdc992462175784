// SPDX-License-Identifier: Apache-2.0
extension JSONWriter {
  /// Writes a string.
  public mutating func string(_ value: String) {
    beginValue()
    appendQuoted(value)
  }

  /// Writes a string from UTF-8; invalid bytes are replaced.
  public mutating func string(utf8 bytes: Span<UInt8>) {
    beginValue()
    if bytes.isPlainJSON(allowingNonASCII: false) {
      buffer.append(quoting: bytes)
    } else {
      appendQuoted(String(copying: bytes))
    }
  }

  /// Writes a string literal of the program: ASCII that needs no escapes, which is not checked.
  public mutating func string(plain value: StaticString) {
    beginValue()
    buffer.append(quoting: value)
  }

  /// Appends a string with quotes.
  mutating func appendQuoted(_ text: String) {
    let bytes = text.utf8.span
    if bytes.isPlainJSON(allowingNonASCII: !style.escapesNonASCII) {
      buffer.append(quoting: bytes)
    } else {
      appendEscaped(text)
    }
  }

  @inline(never)
  private mutating func appendEscaped(_ text: String) {
    buffer.append(UInt8(ascii: "\""))
    if style.escapesNonASCII {
      for scalar in text.unicodeScalars { appendASCII(scalar) }
    } else {
      let bytes = text.utf8.span
      for index in bytes.indices { appendEscaping(bytes[index]) }
    }
    buffer.append(UInt8(ascii: "\""))
  }

  /// Writes a character in ASCII, if necessary as one `\uXXXX` or two.
  private mutating func appendASCII(_ scalar: Unicode.Scalar) {
    if scalar.value < 0x7F {
      appendEscaping(UInt8(truncatingIfNeeded: scalar.value))
    } else {
      for unit in UTF16.encode(scalar) ?? .init() { appendCodeUnit(unit) }
    }
  }

  /// Writes a byte of UTF-8, escaped if JSON requires it.
  private mutating func appendEscaping(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): appendEscape(byte)
    case 0x20...: buffer.append(byte)
    case 0x08: appendEscape(UInt8(ascii: "b"))
    case 0x09: appendEscape(UInt8(ascii: "t"))
    case 0x0A: appendEscape(UInt8(ascii: "n"))
    case 0x0C: appendEscape(UInt8(ascii: "f"))
    case 0x0D: appendEscape(UInt8(ascii: "r"))
    default: appendCodeUnit(UInt16(byte))
    }
  }

  private mutating func appendEscape(_ letter: UInt8) {
    buffer.append(UInt8(ascii: "\\"))
    buffer.append(letter)
  }

  private mutating func appendCodeUnit(_ unit: UInt16) {
    appendEscape(UInt8(ascii: "u"))
    for shift in stride(from: 12, through: 0, by: -4) {
      let digit = UInt8(truncatingIfNeeded: unit >> shift & 0xF)
      buffer.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    }
  }
}

extension String {
  /// The text of UTF-8 bytes; invalid bytes are replaced.
  fileprivate init(copying bytes: Span<UInt8>) {
    // SAFETY: the buffer is copied before the closure returns.
    self = unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
  }
}

extension Span where Element == UInt8 {
  /// Whether no byte needs an escape in JSON. Checks eight bytes at a time.
  fileprivate func isPlainJSON(allowingNonASCII: Bool) -> Bool {
    var index = 0
    var special: UInt64 = 0
    while index <= count - 8 {
      special |= word(at: index).specialBytes(allowingNonASCII: allowingNonASCII)
      index += 8
    }
    if index < count, count >= 8 {
      // The last eight, some of them again.
      special |= word(at: count - 8).specialBytes(allowingNonASCII: allowingNonASCII)
    } else {
      var word: UInt64 = 0x2020_2020_2020_2020
      while index < count {
        word = word << 8 | UInt64(self[index])
        index += 1
      }
      special |= word.specialBytes(allowingNonASCII: allowingNonASCII)
    }
    return special == 0
  }

  @inline(__always)
  private func word(at index: Int) -> UInt64 {
    // SAFETY: bytes have no padding, the load checks its bounds, and every bit pattern is valid.
    unsafe bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
  }
}

extension UInt64 {
  /// Not zero when a byte is below a space, a quote or a backslash, or, unless those are allowed, DEL
  /// or beyond ASCII.
  @inline(__always)
  fileprivate func specialBytes(allowingNonASCII: Bool) -> UInt64 {
    // A subtraction sets the high bit of bytes that become negative. The borrow may also set it in the
    // next byte, which does not matter once one is set.
    let quotes = self ^ 0x2222_2222_2222_2222
    let backslashes = self ^ 0x5C5C_5C5C_5C5C_5C5C
    let found =
      (self &- 0x2020_2020_2020_2020) & ~self | (quotes &- 0x0101_0101_0101_0101) & ~quotes
      | (backslashes &- 0x0101_0101_0101_0101) & ~backslashes
    let beyond = allowingNonASCII ? 0 : self | (self &+ 0x0101_0101_0101_0101)
    return (found | beyond) & 0x8080_8080_8080_8080
  }
}
