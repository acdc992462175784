// SPDX-License-Identifier: Apache-2.0

/// The record `.data/serialization_id`: a hash of the records' names, and a hash of their checksums.
enum SerializationID {
  /// The size of the record in bytes: two numbers of twenty digits.
  static let byteCount = 40

  /// The record.
  ///
  /// - Parameters:
  ///   - names: the records' names without the folder, in the order of the file.
  ///   - checksums: those of the records that are not empty, in the order of the file.
  static func bytes(names: [String], checksums: [UInt32]) -> [UInt8] {
    let hashes = names.map { LibstdcxxSet.hash($0.utf8) }
    var first: UInt64 = 0
    for index in LibstdcxxSet.iterationOrder(of: hashes) { combine(&first, hashes[index]) }
    var second: UInt64 = 0
    for checksum in checksums { combine(&second, UInt64(checksum)) }
    return digits(first) + digits(second)
  }

  private static func combine(_ seed: inout UInt64, _ value: UInt64) {
    seed ^= value &+ 0x9E37_79B9 &+ (seed << 6) &+ (seed >> 2)
  }

  private static func digits(_ value: UInt64) -> [UInt8] {
    let text = Array(String(value).utf8)
    return [UInt8](repeating: UInt8(ascii: "0"), count: byteCount / 2 - text.count) + text
  }
}
