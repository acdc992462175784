// SPDX-License-Identifier: Apache-2.0
package import Files
package import Tensors

/// The location of a zip archive's index, from the records at the end of the file.
package struct ZipEnd {
  /// The range of the index in the file.
  package let index: Range<Int>
  /// The number of entries.
  package let entryCount: Int
  /// The comment of the archive, with which the file ends; mostly empty.
  package let comment: Range<Int>

  static let byteCount = 22
  private static let locatorByteCount = 20
  private static let wideByteCount = 56

  /// Finds the end record, and the 64-bit one if there is one.
  ///
  /// - Throws: `truncated` when there is no end record; `malformed` when it is not the end of the
  ///   file, when there are two, or when they are impossible; `unsupported` for several disks.
  package init(of file: InputFile) throws(CheckpointError) {
    let size = file.byteCount
    let tailStart = max(0, size - Self.byteCount - Int(UInt16.max))
    let tail = try file.read(at: tailStart, count: size - tailStart)
    let start = try Self.find(in: tail, tailStart: tailStart)
    let classic = try Self.readClassic(tail.span.rawBytes, at: start, tailStart: tailStart)
    let locatorStart = start - Self.locatorByteCount
    let wide =
      locatorStart < 0 ? nil : try Self.readWide(file, locatorAt: locatorStart, agreeing: classic)
    let counts = wide?.counts ?? classic
    let indexEnd = wide?.offset ?? start
    guard
      let offset = Int(exactly: counts.indexOffset), let byteCount = Int(exactly: counts.indexSize),
      let count = Int(exactly: counts.entries), offset <= indexEnd, byteCount == indexEnd - offset
    else {
      throw .malformed(
        "the zip index is inconsistent: \(counts.indexSize) bytes at \(counts.indexOffset) do not "
          + "end at its end record", at: indexEnd)
    }
    index = offset..<indexEnd
    entryCount = count
    comment = start + Self.byteCount..<size
  }

  private struct Counts {
    var entries: UInt64
    var indexSize: UInt64
    var indexOffset: UInt64
  }

  /// The offset of the only end record. The file ends with it, or with its comment, in which no other
  /// end record can be: readers search from the end.
  private static func find(in tail: [UInt8], tailStart: Int) throws(CheckpointError) -> Int {
    let bytes = tail.span.rawBytes
    var last: (start: Int, commentCount: Int)?
    var candidates: [Int] = []
    var next = 0
    while let start = bytes.firstOffset(of: 0x50, from: next), start <= tail.count - byteCount {
      next = start + 1
      var signed = ByteReader(bytes.extracting(start..<start + 4))
      guard try signed.readLittleEndian(UInt32.self) == ZipFormat.endSignature else { continue }
      var reader = ByteReader(bytes.extracting(start + 20..<start + 22))
      let comment = Int(try reader.readLittleEndian(UInt16.self))
      last = (start, comment)
      if start + byteCount + comment == tail.count { candidates.append(start) }
    }
    guard let last else {
      throw CheckpointError(
        .truncated, "the zip archive is incomplete: it has no end record",
        offset: tailStart + tail.count,
        hint: "the file is probably an incomplete download; download it again")
    }
    let end = last.start + byteCount + last.commentCount
    guard end >= tail.count else {
      throw .malformed(
        (tail.count - end).counting("unexpected byte", "follow")
          + " the zip archive", at: tailStart + end)
    }
    guard candidates == [last.start] else {
      throw .malformed(
        candidates.isEmpty
          ? "the zip archive is incomplete: the comment that its end record promises is missing"
          : "the zip archive has two end records", at: tailStart + (candidates.first ?? last.start))
    }
    return tailStart + last.start
  }

  private static func readClassic(
    _ tail: RawSpan, at start: Int, tailStart: Int
  ) throws(CheckpointError) -> Counts {
    let first = start - tailStart
    var reader = ByteReader(
      tail.extracting(first..<first + byteCount), baseOffset: start)
    _ = try reader.readBytes(4)
    let disk = try reader.readLittleEndian(UInt16.self)
    let indexDisk = try reader.readLittleEndian(UInt16.self)
    let entriesHere = try reader.readLittleEndian(UInt16.self)
    let entries = try reader.readLittleEndian(UInt16.self)
    let size = try reader.readLittleEndian(UInt32.self)
    let offset = try reader.readLittleEndian(UInt32.self)
    guard (disk == 0 || disk == .max), indexDisk == disk, entriesHere == entries else {
      throw CheckpointError(
        .unsupported, "is one part of a zip archive in several parts", offset: start)
    }
    return Counts(entries: UInt64(entries), indexSize: UInt64(size), indexOffset: UInt64(offset))
  }

  /// The 64-bit end record; nil if there is no locator before the classic one.
  private static func readWide(
    _ file: InputFile, locatorAt locatorStart: Int, agreeing classic: Counts
  ) throws(CheckpointError) -> (offset: Int, counts: Counts)? {
    let locator = try file.read(at: locatorStart, count: locatorByteCount)
    var reader = ByteReader(locator.span.rawBytes, baseOffset: locatorStart)
    guard try reader.readLittleEndian(UInt32.self) == ZipFormat.zip64LocatorSignature
    else { return nil }
    let disk = try reader.readLittleEndian(UInt32.self)
    let offset = try reader.readLittleEndian(UInt64.self)
    let disks = try reader.readLittleEndian(UInt32.self)
    guard disk == 0, disks <= 1 else {
      throw CheckpointError(
        .unsupported, "is one part of a zip archive in \(disks) parts", offset: locatorStart)
    }
    guard locatorStart >= wideByteCount, offset == UInt64(locatorStart - wideByteCount) else {
      throw .malformed(
        "the zip index is inconsistent: its zip64 end record is not at byte \(offset)",
        at: locatorStart)
    }
    let start = Int(offset)
    let record = try file.read(at: start, count: wideByteCount)
    let counts = try parseWide(record.span.rawBytes, at: start)
    guard
      classic.entries == 0xFFFF || classic.entries == counts.entries,
      classic.indexSize == 0xFFFF_FFFF || classic.indexSize == counts.indexSize,
      classic.indexOffset == 0xFFFF_FFFF || classic.indexOffset == counts.indexOffset
    else {
      throw .malformed(
        "the zip index is inconsistent: its two end records differ", at: start)
    }
    return (start, counts)
  }

  private static func parseWide(_ bytes: RawSpan, at start: Int) throws(CheckpointError) -> Counts {
    var reader = ByteReader(bytes, baseOffset: start)
    let signature = try reader.readLittleEndian(UInt32.self)
    let size = try reader.readLittleEndian(UInt64.self)
    guard signature == ZipFormat.zip64EndSignature, size == UInt64(wideByteCount - 12) else {
      throw .malformed("the zip64 end record is damaged", at: start)
    }
    _ = try reader.readLittleEndian(UInt32.self)  // Versions.
    let disk = try reader.readLittleEndian(UInt32.self)
    let indexDisk = try reader.readLittleEndian(UInt32.self)
    let entriesHere = try reader.readLittleEndian(UInt64.self)
    let entries = try reader.readLittleEndian(UInt64.self)
    guard disk == 0, indexDisk == 0, entriesHere == entries else {
      throw CheckpointError(
        .unsupported, "is one part of a zip archive in several parts", offset: start)
    }
    let indexSize = try reader.readLittleEndian(UInt64.self)
    let indexOffset = try reader.readLittleEndian(UInt64.self)
    return Counts(entries: entries, indexSize: indexSize, indexOffset: indexOffset)
  }
}
