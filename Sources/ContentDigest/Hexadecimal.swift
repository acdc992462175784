// SPDX-License-Identifier: Apache-2.0

/// The text form of digests (spec/digest.md, D5).
enum Hexadecimal {
  /// The name of the hash function, in front of the digits.
  static let prefix = "sha256:"

  /// Two digits for each byte, in lower case.
  static func text(of bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(2 * bytes.count)
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}
