extension JSONWriter {
  /// Writes a string.
  public mutating func string(_ value: String) {
    beginValue()
    appendQuoted(value)
  }

  /// Writes a string, its quotes around it.
  mutating func appendQuoted(_ text: String) {
    buffer.append(UInt8(ascii: "\""))
    let bytes = text.utf8.span
    if isPlain(bytes) {
      buffer.append(contentsOf: text.utf8)
    } else if style.escapesNonASCII {
      for scalar in text.unicodeScalars { appendASCII(scalar) }
    } else {
      for index in bytes.indices { appendEscaping(bytes[index]) }
    }
    buffer.append(UInt8(ascii: "\""))
  }

  /// Whether no byte needs an escape. Goes over all of them, so that the compiler can take many at
  /// once.
  private func isPlain(_ bytes: Span<UInt8>) -> Bool {
    let limit: UInt8 = style.escapesNonASCII ? 0x7F : 0xFF
    var special: UInt8 = 0
    for index in bytes.indices {
      let byte = bytes[index]
      special |= byte < 0x20 ? 1 : 0
      special |= byte == UInt8(ascii: "\"") ? 1 : 0
      special |= byte == UInt8(ascii: "\\") ? 1 : 0
      special |= byte >= limit ? 1 : 0
    }
    return special == 0
  }

  /// Writes a character in ASCII, as one `\uXXXX` or two where it needs an escape.
  private mutating func appendASCII(_ scalar: Unicode.Scalar) {
    if scalar.value < 0x7F {
      appendEscaping(UInt8(truncatingIfNeeded: scalar.value))
    } else {
      for unit in UTF16.encode(scalar) ?? .init() { appendCodeUnit(unit) }
    }
  }

  /// Writes a byte of UTF-8, escaping what JSON does not take as it is.
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
