// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// An entry of a zip archive, which torch calls a record.
package struct ZipEntry: Sendable, Hashable {
  /// The compression of the data.
  package enum Method: UInt16, Sendable {
    case stored = 0
    case deflated = 8
  }

  /// The supported bits of the general-purpose flags.
  package struct Flags: OptionSet, Sendable, Hashable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let encrypted = Self(rawValue: 1 << 0)
    /// The effort of the compressor, which has no effect here.
    package static let effort = Self(rawValue: 3 << 1)
    /// Sizes and checksum follow the data, and may be missing in the local header.
    package static let descriptorFollows = Self(rawValue: 1 << 3)
    package static let stronglyEncrypted = Self(rawValue: 1 << 6)
    package static let utf8 = Self(rawValue: 1 << 11)
    package static let masked = Self(rawValue: 1 << 13)
  }

  /// The name with its folders, as in the index.
  package let name: String
  /// The flags, which are the same in the index and the local header.
  package let flags: Flags
  /// The compression of the data.
  package let method: Method
  /// The CRC-32 of the uncompressed bytes; 0 in all entries of an archive without checksums.
  package let checksum: UInt32
  /// The number of bytes in the file.
  package let storedByteCount: Int
  /// The number of uncompressed bytes.
  package let byteCount: Int
  /// The offset of the local header in the file.
  package let headerOffset: Int
  /// The offset of the data in the file, which the local header decides.
  package internal(set) var dataOffset = 0
  /// The offset of the entry of the index in the file.
  package let indexOffset: Int

  /// Whether this is the entry of a folder, as `zip -r` writes.
  package var isFolder: Bool { name.utf8.last == UInt8(ascii: "/") }
  /// The range of the data in the file.
  package var dataRange: Range<Int> { dataOffset..<dataOffset + storedByteCount }
}

extension ZipEntry {
  /// Compares a checksum with that of the index.
  ///
  /// - Throws: `malformed` when they differ.
  package func compare(_ checksum: UInt32) throws(CheckpointError) {
    guard checksum == self.checksum else {
      throw .malformed(
        "the checksum of \(quoted) does not match: its data is damaged", at: dataOffset)
    }
  }

  /// The entry as messages name it.
  var quoted: String { "the record \"\(name.excerpt)\"" }
}
