// SPDX-License-Identifier: Apache-2.0
internal import Tensors
internal import ZipArchive

/// The place of a stored record in a torch zip file.
struct ZipRecord {
  /// The name, with the folder.
  let path: String
  /// The size of the data in bytes.
  let byteCount: Int
  /// The offset of the local header.
  let headerOffset: Int

  /// The alignment of the data in bytes, so that it can be mapped and used in place.
  static let alignment = 64
  /// The first value that needs a 64-bit field.
  private static let saturated32 = 0xFFFF_FFFF
  /// The ID of the extra field that torch pads with: "FB".
  private static let paddingExtraID: UInt16 = 0x4246
  /// The byte of the padding.
  private static let paddingByte: UInt8 = 0x5A

  /// Whether the size needs 64 bits.
  var hasWideSize: Bool { byteCount >= Self.saturated32 }
  /// Whether the offset needs 64 bits.
  var hasWideOffset: Bool { headerOffset >= Self.saturated32 }

  /// The size, in bytes, of the extra field with 64-bit numbers: none, some or all of size, compressed
  /// size and offset.
  private var zip64ExtraByteCount: Int {
    guard hasWideSize || hasWideOffset else { return 0 }
    return ZipFormat.extraHeaderByteCount + (hasWideSize ? 16 : 0) + (hasWideOffset ? 8 : 0)
  }

  /// The number of bytes before the padding, which has an extra field of its own.
  private var unpaddedHeaderByteCount: Int {
    ZipFormat.localHeaderByteCount + path.utf8.count + zip64ExtraByteCount
      + ZipFormat.extraHeaderByteCount
  }

  private var paddingByteCount: Int {
    let past = (headerOffset + unpaddedHeaderByteCount) % Self.alignment
    return past == 0 ? 0 : Self.alignment - past
  }

  private var descriptorByteCount: Int {
    if byteCount == 0 { return 0 }
    return hasWideSize || hasWideOffset ? 24 : 16
  }

  /// The offset of the data.
  var dataOffset: Int { headerOffset + unpaddedHeaderByteCount + paddingByteCount }

  /// The offset of the next record; nil if it is 2^63 or more.
  var endOffset: Int? {
    let (end, overflow) = byteCount.addingReportingOverflow(dataOffset + descriptorByteCount)
    return overflow ? nil : end
  }

  private var header: ZipRecordHeader {
    ZipRecordHeader(
      path: path, flags: ZipFormat.utf8Flag | (byteCount == 0 ? 0 : ZipFormat.descriptorFlag),
      method: .stored, versionNeeded: 0, versionMadeBy: 0, date: 0, externalAttributes: 0)
  }

  private func zip64Extra(compressedByteCount: Int) -> [UInt8] {
    var numbers: [UInt64] = []
    if hasWideSize { numbers += [UInt64(byteCount), UInt64(compressedByteCount)] }
    if hasWideOffset { numbers.append(UInt64(headerOffset)) }
    var extra: [UInt8] = []
    extra.appendZip64Extra(numbers)
    return extra
  }
}

extension ZipRecord {
  /// The header before the data, with padding. Checksum and sizes follow the data.
  var localHeader: [UInt8] {
    // torch's writer does not know the compressed size yet.
    var extra = zip64Extra(compressedByteCount: 0)
    extra.appendLittleEndian(Self.paddingExtraID)
    extra.appendLittleEndian(UInt16(paddingByteCount))
    extra.append(contentsOf: repeatElement(Self.paddingByte, count: paddingByteCount))
    return header.localHeader(sizes: 0, extra: extra)
  }

  /// The descriptor after the data: checksum and sizes.
  func descriptor(checksum: UInt32) -> [UInt8] {
    guard byteCount > 0 else { return [] }
    return ZipRecordHeader.descriptor(
      checksum: checksum, storedByteCount: byteCount, byteCount: byteCount,
      isWide: hasWideSize || hasWideOffset)
  }

  /// Appends the entry of the record in the directory.
  func appendCentralEntry(checksum: UInt32, to bytes: inout [UInt8]) {
    header.appendCentralEntry(
      checksum: checksum, storedByteCount: UInt32(clamping: byteCount),
      byteCount: UInt32(clamping: byteCount), headerOffset: UInt32(clamping: headerOffset),
      extra: zip64Extra(compressedByteCount: byteCount), to: &bytes)
  }
}
