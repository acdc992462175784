// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Tensors

/// The check of the headers and descriptors of all entries: they agree with the index, and the entries
/// fill the archive without gaps and overlaps.
struct ZipLocalHeaders: ~Copyable {
  private var window: FileWindow

  private static let fixedByteCount = ZipFormat.localHeaderByteCount

  /// Checks all entries, and sets the offsets of their data.
  ///
  /// - Throws: `malformed` when a header contradicts the index, entries overlap, or bytes do not belong
  ///   to an entry.
  static func check(
    _ entries: inout [ZipEntry], in file: InputFile, indexStart: Int
  ) throws(CheckpointError) {
    var checker = Self(window: FileWindow(file))
    let order = entries.indices.sorted { entries[$0].headerOffset < entries[$1].headerOffset }
    if let first = order.first, entries[first].headerOffset > 0 {
      throw .malformed(
        entries[first].headerOffset.counting("unexpected byte", "precede")
          + " the zip archive", at: 0)
    }
    for (place, index) in order.enumerated() {
      let next = place + 1 < order.count ? order[place + 1] : nil
      let end = next.map { entries[$0].headerOffset } ?? indexStart
      let dataOffset = try checker.checkHeader(of: entries[index])
      entries[index].dataOffset = dataOffset
      guard dataOffset <= end, entries[index].storedByteCount <= end - dataOffset else {
        let other = next.map { "the entry \"\(entries[$0].name.excerpt)\"" } ?? "the zip index"
        throw .malformed(
          "the entry \"\(entries[index].name.excerpt)\" and \(other) overlap", at: end)
      }
      try checker.checkDescriptor(of: entries[index], end: end)
    }
  }

  /// Compares a local header with the index.
  ///
  /// - Returns: the offset of the data.
  private mutating func checkHeader(of entry: ZipEntry) throws(CheckpointError) -> Int {
    let start = entry.headerOffset
    let nameCount = entry.name.utf8.count
    let range = try window.load(at: start, count: Self.fixedByteCount)
    var reader = ByteReader(window.bytes.span.rawBytes.extracting(range), baseOffset: start)
    guard try reader.readLittleEndian(UInt32.self) == ZipFormat.localHeaderSignature else {
      throw .malformed(
        "the zip index points to no header for \"\(entry.name.excerpt)\"", at: start)
    }
    _ = try reader.readLittleEndian(UInt16.self)  // Version.
    let flags = try reader.readLittleEndian(UInt16.self)
    let method = try reader.readLittleEndian(UInt16.self)
    _ = try reader.readLittleEndian(UInt32.self)  // Time and date.
    let checksum = try reader.readLittleEndian(UInt32.self)
    let storedSize = try reader.readLittleEndian(UInt32.self)
    let size = try reader.readLittleEndian(UInt32.self)
    let localNameCount = Int(try reader.readLittleEndian(UInt16.self))
    let extraCount = Int(try reader.readLittleEndian(UInt16.self))
    guard flags == entry.flags.rawValue else { throw Self.disagreeing(entry, "flags") }
    guard method == entry.method.rawValue else {
      throw Self.disagreeing(entry, "how it is compressed")
    }
    guard localNameCount == nameCount, try hasName(entry, at: start + Self.fixedByteCount) else {
      throw Self.disagreeing(entry, "its name")
    }
    let extraStart = start + Self.fixedByteCount + nameCount
    if !entry.flags.contains(.descriptorFollows) {
      guard checksum == entry.checksum else { throw Self.disagreeing(entry, "its checksum") }
      let isWide = size == .max || storedSize == .max
      let wide = isWide ? try wideSizes(at: extraStart, count: extraCount) : nil
      guard
        entry.byteCount == wide?.size ?? Int(size),
        entry.storedByteCount == wide?.storedSize ?? Int(storedSize)
      else { throw Self.disagreeing(entry, "its size") }
    }
    return extraStart + extraCount
  }

  private mutating func hasName(_ entry: ZipEntry, at offset: Int) throws(CheckpointError) -> Bool {
    let range = try window.load(at: offset, count: entry.name.utf8.count)
    return window.bytes.span.extracting(range).hasSameBytes(as: entry.name.utf8.span)
  }

  /// The 64-bit sizes of a local header; nil if it has none.
  private mutating func wideSizes(
    at offset: Int, count: Int
  ) throws(CheckpointError) -> (size: Int?, storedSize: Int?)? {
    let range = try window.load(at: offset, count: count)
    var reader = ByteReader(window.bytes.span.rawBytes.extracting(range), baseOffset: offset)
    while reader.remaining >= 4 {
      let kind = try reader.readLittleEndian(UInt16.self)
      let fieldCount = Int(try reader.readLittleEndian(UInt16.self))
      var field = ByteReader(try reader.readBytes(fieldCount), baseOffset: reader.offset)
      guard kind == 1 else { continue }
      let size = try field.readLittleEndian(UInt64.self)
      let storedSize = try field.readLittleEndian(UInt64.self)
      return (Int(exactly: size), Int(exactly: storedSize))
    }
    return nil
  }

  /// Compares the bytes between the data and `end`, a descriptor or nothing, with the index.
  private mutating func checkDescriptor(
    of entry: ZipEntry, end: Int
  ) throws(CheckpointError) {
    let start = entry.dataRange.upperBound
    let count = end - start
    guard entry.flags.contains(.descriptorFollows) else {
      guard count == 0 else { throw Self.unexpected(count, after: entry) }
      return
    }
    guard [12, 16, 20, 24].contains(count) else {
      throw count < 12
        ? Self.disagreeing(entry, "what follows it", at: start)
        : Self.unexpected(count, after: entry)
    }
    let range = try window.load(at: start, count: count)
    var reader = ByteReader(window.bytes.span.rawBytes.extracting(range), baseOffset: start)
    if count == 16 || count == 24,
      try reader.readLittleEndian(UInt32.self) != ZipFormat.descriptorSignature
    {
      throw Self.unexpected(count, after: entry)
    }
    let checksum = try reader.readLittleEndian(UInt32.self)
    let sizes: (stored: UInt64, real: UInt64)
    if count >= 20 {
      sizes.stored = try reader.readLittleEndian(UInt64.self)
      sizes.real = try reader.readLittleEndian(UInt64.self)
    } else {
      sizes.stored = UInt64(try reader.readLittleEndian(UInt32.self))
      sizes.real = UInt64(try reader.readLittleEndian(UInt32.self))
    }
    guard
      checksum == entry.checksum, sizes.stored == UInt64(entry.storedByteCount),
      sizes.real == UInt64(entry.byteCount)
    else { throw Self.disagreeing(entry, "its size or checksum", at: start) }
  }

  private static func disagreeing(
    _ entry: ZipEntry, _ what: String, at offset: Int? = nil
  ) -> CheckpointError {
    .malformed(
      "the headers of the entry \"\(entry.name.excerpt)\" disagree about \(what)",
      at: offset ?? entry.headerOffset)
  }

  private static func unexpected(_ count: Int, after entry: ZipEntry) -> CheckpointError {
    .malformed(
      count.counting("unexpected byte", "follow") + " the entry \"\(entry.name.excerpt)\"",
      at: entry.dataRange.upperBound)
  }
}
