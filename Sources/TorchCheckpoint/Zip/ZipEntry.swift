/// One entry of a zip archive: a record, as torch calls it.
struct ZipEntry: Sendable, Hashable {
  /// How the bytes are held.
  enum Method: UInt16, Sendable {
    case stored = 0
    case deflated = 8
  }

  /// The bits of the general-purpose flags that are understood.
  struct Flags: OptionSet, Sendable, Hashable {
    let rawValue: UInt16

    static let encrypted = Self(rawValue: 1 << 0)
    /// How hard a compressor tried; of no consequence here.
    static let effort = Self(rawValue: 3 << 1)
    /// Sizes and checksum follow the data; the local header need not have them.
    static let descriptorFollows = Self(rawValue: 1 << 3)
    static let stronglyEncrypted = Self(rawValue: 1 << 6)
    static let utf8 = Self(rawValue: 1 << 11)
    static let masked = Self(rawValue: 1 << 13)
  }

  /// The name with its folders, as the index spells it.
  let name: String
  /// The flags, the same in the index and in front of the data.
  let flags: Flags
  /// How the bytes are held.
  let method: Method
  /// The CRC-32 of the bytes; 0 in every entry where checksums are switched off.
  let checksum: UInt32
  /// The bytes in the file.
  let storedByteCount: Int
  /// The bytes that they stand for.
  let byteCount: Int
  /// Where the local header stands in the file.
  let headerOffset: Int
  /// Where the data starts in the file, known once the local header has been read.
  var dataOffset = 0
  /// Where the entry's line in the index stands in the file.
  let indexOffset: Int

  /// Whether this is a folder of its own line, which `zip -r` writes.
  var isFolder: Bool { name.utf8.last == UInt8(ascii: "/") }
  /// The data in the file.
  var dataRange: Range<Int> { dataOffset..<dataOffset + storedByteCount }
}
