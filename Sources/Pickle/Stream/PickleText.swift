// SPDX-License-Identifier: Apache-2.0

/// The encodings of text in pickles.
package enum PickleText {
  /// Whether the text of STRING is in quotes.
  package static func isQuoted(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard let quote = bytes.first, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
      return false
    }
    return bytes.count >= 2 && bytes.last == quote
  }

  /// Whether bytes are UTF-8 that Python decodes with `surrogatepass`.
  package static func isUTF8(_ bytes: ArraySlice<UInt8>) -> Bool {
    var index = bytes.startIndex
    while index < bytes.endIndex {
      let first = bytes[index]
      if first < 0x80 {
        index += 1
        continue
      }
      let count: Int
      let least: UInt8
      let most: UInt8
      switch first {
      case 0xC2...0xDF: (count, least, most) = (1, 0x80, 0xBF)
      case 0xE0: (count, least, most) = (2, 0xA0, 0xBF)
      case 0xE1...0xEF: (count, least, most) = (2, 0x80, 0xBF)
      case 0xF0: (count, least, most) = (3, 0x90, 0xBF)
      case 0xF1...0xF3: (count, least, most) = (3, 0x80, 0xBF)
      case 0xF4: (count, least, most) = (3, 0x80, 0x8F)
      default: return false
      }
      guard bytes.endIndex - index > count, (least...most).contains(bytes[index + 1]) else {
        return false
      }
      for place in stride(from: 2, through: count, by: 1)
      where bytes[index + place] & 0xC0 != 0x80 { return false }
      index += count + 1
    }
    return true
  }

  /// Decodes the raw-unicode-escape text of protocol 0 (Latin-1, `\uXXXX` and `\UXXXXXXXX`) to UTF-8.
  ///
  /// - Returns: nil for an invalid escape. Each surrogate becomes three bytes.
  package static func unescaped(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
    var units: [UInt8] = []
    units.reserveCapacity(bytes.count)
    var index = bytes.startIndex
    while index < bytes.endIndex {
      var value = UInt32(bytes[index])
      index += 1
      let digits: Int? =
        value == UInt32(UInt8(ascii: "\\")) && index < bytes.endIndex
        ? (bytes[index] == UInt8(ascii: "u") ? 4 : bytes[index] == UInt8(ascii: "U") ? 8 : nil)
        : nil
      if let digits {
        guard bytes.endIndex - index > digits else { return nil }
        value = 0
        for digit in bytes[index + 1...index + digits] {
          guard let nibble = Character(Unicode.Scalar(digit)).hexDigitValue else { return nil }
          value = value << 4 | UInt32(nibble)
        }
        index += digits + 1
      }
      guard append(value, to: &units) else { return nil }
    }
    return units
  }

  private static func append(_ value: UInt32, to units: inout [UInt8]) -> Bool {
    func tail(_ shift: UInt32) -> UInt8 { UInt8(0x80 | value >> shift & 0x3F) }
    switch value {
    case ..<0x80: units.append(UInt8(value))
    case ..<0x800: units += [UInt8(0xC0 | value >> 6), tail(0)]
    case ..<0x10000: units += [UInt8(0xE0 | value >> 12), tail(6), tail(0)]
    case ..<0x110000: units += [UInt8(0xF0 | value >> 18), tail(12), tail(6), tail(0)]
    default: return false
    }
    return true
  }
}
