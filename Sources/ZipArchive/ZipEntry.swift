// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// One entry of a zip archive: a record, as torch calls it.
package struct ZipEntry: Sendable, Hashable {
  /// How the bytes are held.
  package enum Method: UInt16, Sendable {
    case stored = 0
    case deflated = 8
  }

  /// The bits of the general-purpose flags that are understood.
  package struct Flags: OptionSet, Sendable, Hashable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let encrypted = Self(rawValue: 1 << 0)
    /// How hard a compressor tried; of no consequence here.
    package static let effort = Self(rawValue: 3 << 1)
    /// Sizes and checksum follow the data; the local header need not have them.
    package static let descriptorFollows = Self(rawValue: 1 << 3)
    package static let stronglyEncrypted = Self(rawValue: 1 << 6)
    package static let utf8 = Self(rawValue: 1 << 11)
    package static let masked = Self(rawValue: 1 << 13)
  }

  /// The name with its folders, as the index spells it.
  package let name: String
  /// The flags, the same in the index and in front of the data.
  package let flags: Flags
  /// How the bytes are held.
  package let method: Method
  /// The CRC-32 of the bytes; 0 in every entry where checksums are switched off.
  package let checksum: UInt32
  /// The bytes in the file.
  package let storedByteCount: Int
  /// The bytes that they stand for.
  package let byteCount: Int
  /// The offset of the local header in the file.
  package let headerOffset: Int
  /// Where the data starts in the file, known once the local header has been read.
  package internal(set) var dataOffset = 0
  /// The offset of the entry's line of the index in the file.
  package let indexOffset: Int

  /// Whether this is a folder of its own line, which `zip -r` writes.
  package var isFolder: Bool { name.utf8.last == UInt8(ascii: "/") }
  /// The data in the file.
  package var dataRange: Range<Int> { dataOffset..<dataOffset + storedByteCount }
}

extension ZipEntry {
  /// Compares a checksum with the one that the index has.
  ///
  /// - Throws: `malformed` when they differ.
  package func compare(_ checksum: UInt32) throws(CheckpointError) {
    guard checksum == self.checksum else {
      throw .malformed(
        "the checksum of \(quoted) does not match: its data is damaged", at: dataOffset)
    }
  }

  /// The entry as messages call it.
  var quoted: String { "the record \"\(name.excerpt)\"" }
}
