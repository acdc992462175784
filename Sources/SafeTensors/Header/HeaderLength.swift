// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The length of a header, and the bytes around its text.
enum HeaderLength {
  /// The size of the length itself, in bytes.
  static let byteCount = 8

  /// The largest length that a reader accepts, in bytes (spec/safetensors.md R3).
  static let largest = 100_000_000

  /// The smallest length of at least `count` bytes that keeps the data aligned (spec/safetensors.md
  /// W5).
  static func padded(_ count: Int) -> Int { (count + 7) / 8 * 8 }

  /// Refuses a length that readers refuse (spec/safetensors.md R3).
  ///
  /// - Throws: `unsupported`.
  static func check(_ length: Int) throws(CheckpointError) {
    guard length <= largest else {
      throw CheckpointError(
        .unsupported,
        "the header would take \(length) bytes, "
          + "more than the \(largest) allowed")
    }
  }

  /// The first bytes of a file: the length of the header, and the header.
  static func prefix(_ header: consuming [UInt8]) -> [UInt8] {
    var length: [UInt8] = []
    length.appendLittleEndian(UInt64(header.count))
    var prefix = header
    prefix.insert(contentsOf: length, at: 0)
    return prefix
  }
}

extension [UInt8] {
  /// Appends spaces up to a length.
  mutating func pad(toHeaderLength length: Int) {
    self += [UInt8](repeating: UInt8(ascii: " "), count: length - count)
  }
}
