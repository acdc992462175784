// SPDX-License-Identifier: Apache-2.0

/// A number in a pickle.
package enum PickleNumber: Equatable {
  case boolean(Bool)
  case integer(Int)
  /// An integer of more than 64 bits.
  case bigInteger
  case float(Double)

  /// Parses the signed, little-endian integer of LONG1 and LONG4, of any length.
  package init(littleEndian bytes: ArraySlice<UInt8>) {
    guard let last = bytes.last else {
      self = .integer(0)
      return
    }
    let sign: UInt8 = last & 0x80 == 0 ? 0 : 0xFF
    var word: UInt64 = sign == 0 ? 0 : .max
    for byte in bytes.prefix(8).reversed() { word = word << 8 | UInt64(byte) }
    let value = Int64(bitPattern: word)
    // The sign of the eighth byte may differ from that of the bytes after it.
    let isWhole = bytes.dropFirst(8).allSatisfy { $0 == sign } && (value < 0) == (sign != 0)
    self = isWhole ? .integer(Int(value)) : .bigInteger
  }

  /// Parses the line of INT, LONG or FLOAT; nil if it is not a number.
  package init?(_ line: String, _ opcode: Opcode) {
    switch opcode {
    case .int where line == "00": self = .boolean(false)
    case .int where line == "01": self = .boolean(true)
    case .float:
      let names = ["inf": Double.infinity, "-inf": -Double.infinity, "nan": Double.nan]
      guard let value = names[line] ?? Double(line) else { return nil }
      self = .float(value)
    default:
      let digits = line.hasSuffix("L") && opcode == .long ? String(line.dropLast()) : line
      let unsigned = digits.hasPrefix("-") ? digits.dropFirst() : digits[...]
      guard !unsigned.isEmpty, unsigned.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
        return nil
      }
      self = Int(digits).map { .integer($0) } ?? .bigInteger
    }
  }
}
