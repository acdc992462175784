// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Tensors

/// The index of a zip archive: its central directory.
enum ZipDirectory {
  private static let lineByteCount = ZipFormat.centralEntryByteCount

  /// The largest number of entries, which limits the memory for them.
  static let largestEntryCount = 200_000

  /// Reads all entries, in the order of the index.
  ///
  /// - Throws: `malformed` when the index has other bytes than its entries, or an impossible entry;
  ///   `unsupported` for encryption, patches, masking, links and other compression.
  static func read(_ file: InputFile, _ end: ZipEnd) throws(CheckpointError) -> [ZipEntry] {
    let room = end.index.count / lineByteCount
    guard end.entryCount <= room else {
      throw .malformed(
        "the zip index is inconsistent: \(end.entryCount) entries do not fit its "
          + "\(end.index.count) bytes", at: end.index.lowerBound)
    }
    guard end.entryCount <= largestEntryCount else {
      throw CheckpointError(
        .unsupported,
        "has \(end.entryCount) records, more than the \(largestEntryCount) supported",
        offset: end.index.lowerBound)
    }
    let bytes = try file.read(at: end.index.lowerBound, count: end.index.count)
    var reader = ByteReader(bytes.span.rawBytes, baseOffset: end.index.lowerBound)
    var entries: [ZipEntry] = []
    entries.reserveCapacity(end.entryCount)
    for _ in 0..<end.entryCount {
      let start = reader.offset
      let line: Line
      do throws(CheckpointError) {
        line = try Line(parsing: &reader)
      } catch {
        guard error.code == .truncated else { throw error }
        throw .malformed("the zip index is inconsistent: it ends inside an entry", at: start)
      }
      entries.append(try line.entry(at: start, before: end.index.lowerBound))
    }
    guard reader.remaining == 0 else {
      throw .malformed(
        "the zip index is inconsistent: " + reader.remaining.counting("byte", "follow")
          + " its entries",
        at: reader.offset)
    }
    return entries
  }

  /// The fields of one entry.
  private struct Line {
    var flags: UInt16
    var method: UInt16
    var checksum: UInt32
    var storedSize: UInt64
    var size: UInt64
    var disk: UInt32
    var attributes: UInt32
    var offset: UInt64
    var name: String

    init(parsing reader: inout ByteReader) throws(CheckpointError) {
      let start = reader.offset
      guard try reader.readLittleEndian(UInt32.self) == ZipFormat.centralEntrySignature
      else {
        throw .malformed("the zip index is inconsistent: no entry starts here", at: start)
      }
      _ = try reader.readLittleEndian(UInt32.self)  // Versions.
      flags = try reader.readLittleEndian(UInt16.self)
      method = try reader.readLittleEndian(UInt16.self)
      _ = try reader.readLittleEndian(UInt32.self)  // Time and date.
      checksum = try reader.readLittleEndian(UInt32.self)
      storedSize = UInt64(try reader.readLittleEndian(UInt32.self))
      size = UInt64(try reader.readLittleEndian(UInt32.self))
      let nameCount = Int(try reader.readLittleEndian(UInt16.self))
      let extraCount = Int(try reader.readLittleEndian(UInt16.self))
      let commentCount = Int(try reader.readLittleEndian(UInt16.self))
      disk = UInt32(try reader.readLittleEndian(UInt16.self))
      _ = try reader.readLittleEndian(UInt16.self)  // Internal attributes.
      attributes = try reader.readLittleEndian(UInt32.self)
      offset = UInt64(try reader.readLittleEndian(UInt32.self))
      name = try ZipName.parse(reader.readBytes(nameCount), at: start)
      let extraStart = reader.offset
      let extra = try reader.readBytes(extraCount)
      try widen(ByteReader(extra, baseOffset: extraStart))
      _ = try reader.readBytes(commentCount)
    }

    /// Replaces saturated numbers by the 64-bit numbers of the extra field.
    private mutating func widen(_ reader: consuming ByteReader) throws(CheckpointError) {
      var isWidened = false
      while reader.remaining > 0 {
        let start = reader.offset
        let kind = try reader.readLittleEndian(UInt16.self)
        let count = Int(try reader.readLittleEndian(UInt16.self))
        var field = ByteReader(try reader.readBytes(count), baseOffset: start + 4)
        switch kind {
        case 1:
          guard !isWidened else { throw Self.disagreeing(name, at: start) }
          isWidened = true
          if size == 0xFFFF_FFFF { size = try field.readLittleEndian(UInt64.self) }
          if storedSize == 0xFFFF_FFFF { storedSize = try field.readLittleEndian(UInt64.self) }
          if offset == 0xFFFF_FFFF { offset = try field.readLittleEndian(UInt64.self) }
          if disk == 0xFFFF { disk = try field.readLittleEndian(UInt32.self) }
          guard field.remaining == 0 else { throw Self.disagreeing(name, at: start) }
        case 0x7075:
          throw CheckpointError(
            .unsupported, "the entry \"\(name.excerpt)\" has a second name", offset: start)
        default:
          break
        }
      }
    }

    private static func disagreeing(_ name: String, at offset: Int) -> CheckpointError {
      .malformed(
        "the zip index is inconsistent: the sizes of \"\(name.excerpt)\" appear twice", at: offset)
    }

    /// The name as messages quote it.
    private var quoted: String { "\"\(name.excerpt)\"" }

    func entry(at start: Int, before indexStart: Int) throws(CheckpointError) -> ZipEntry {
      let flags = ZipEntry.Flags(rawValue: flags)
      guard flags.isDisjoint(with: [.encrypted, .stronglyEncrypted, .masked]) else {
        throw CheckpointError(
          .unsupported, "the entry \(quoted) is password protected", offset: start)
      }
      guard flags.isSubset(of: [.effort, .descriptorFollows, .utf8]) else {
        throw CheckpointError(
          .unsupported,
          "the entry \(quoted) has unsupported properties (flags "
            + "0x\(String(flags.rawValue, radix: 16)))", offset: start)
      }
      guard let method = ZipEntry.Method(rawValue: method) else {
        throw CheckpointError(
          .unsupported,
          "the entry \(quoted) has an unsupported compression (method "
            + "\(self.method))", offset: start)
      }
      guard disk == 0 else {
        throw CheckpointError(
          .unsupported, "the entry \(quoted) is on another disk", offset: start)
      }
      guard attributes >> 28 != 0xA else {
        throw CheckpointError(.unsupported, "the entry \(quoted) is a link", offset: start)
      }
      guard
        let headerOffset = Int(exactly: offset), headerOffset < indexStart,
        let storedByteCount = Int(exactly: storedSize), storedByteCount <= indexStart,
        let byteCount = Int(exactly: size)
      else {
        throw .malformed(
          "the zip index is inconsistent: the entry \(quoted) lies outside the file", at: start)
      }
      try checkSizes(method, storedByteCount: storedByteCount, byteCount: byteCount, at: start)
      return ZipEntry(
        name: name, flags: flags, method: method, checksum: checksum,
        storedByteCount: storedByteCount, byteCount: byteCount, headerOffset: headerOffset,
        indexOffset: start)
    }

    private func checkSizes(
      _ method: ZipEntry.Method, storedByteCount: Int, byteCount: Int, at start: Int
    ) throws(CheckpointError) {
      if method == .stored, storedByteCount != byteCount {
        throw .malformed(
          "the zip index is inconsistent: the entry \(quoted) is not compressed and has two sizes, "
            + "\(storedByteCount) and \(byteCount)", at: start)
      }
      // The best ratio of DEFLATE is 1032 to 1.
      if method == .deflated, byteCount / 1032 > storedByteCount {
        throw .malformed(
          "the entry \(quoted) would expand from \(storedByteCount) to \(byteCount) bytes",
          at: start)
      }
      if name.utf8.last == UInt8(ascii: "/"), storedByteCount != 0 || byteCount != 0 {
        throw .malformed("the folder \(quoted) has contents of its own", at: start)
      }
    }
  }
}
