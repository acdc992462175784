// SPDX-License-Identifier: Apache-2.0
internal import Tensors
internal import ZipArchive

/// The place of a stored record in a torch zip file.
struct ZipRecord {
  /// The name with the folder in front.
  let path: String
  /// The size of the data.
  let byteCount: Int
  /// Where the local header starts.
  let headerOffset: Int

  /// The data starts on a multiple of this, so that it can be mapped and used in place.
  static let alignment = 64
  /// From this value on a 32-bit field gives way to a 64-bit one.
  private static let saturated32 = 0xFFFF_FFFF
  /// The extra field that torch pads with: "FB".
  private static let paddingExtraID: UInt16 = 0x4246
  /// What it pads with.
  private static let paddingByte: UInt8 = 0x5A

  /// Whether the size needs 64 bits.
  var hasWideSize: Bool { byteCount >= Self.saturated32 }
  /// Whether the place needs 64 bits.
  var hasWideOffset: Bool { headerOffset >= Self.saturated32 }

  /// The extra field with 64-bit numbers: none, some or all of size, compressed size and offset.
  private var zip64ExtraByteCount: Int {
    guard hasWideSize || hasWideOffset else { return 0 }
    return ZipFormat.extraHeaderByteCount + (hasWideSize ? 16 : 0) + (hasWideOffset ? 8 : 0)
  }

  /// The bytes in front of the padding, which has an extra field of its own.
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

  /// Where the data starts.
  var dataOffset: Int { headerOffset + unpaddedHeaderByteCount + paddingByteCount }

  /// Where the next record starts, nil when that is beyond 2^63.
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
  /// The header in front of the data, padding included; checksum and sizes come after the data.
  var localHeader: [UInt8] {
    // The writer of torch does not know the compressed size at this point.
    var extra = zip64Extra(compressedByteCount: 0)
    extra.appendLittleEndian(Self.paddingExtraID)
    extra.appendLittleEndian(UInt16(paddingByteCount))
    extra.append(contentsOf: repeatElement(Self.paddingByte, count: paddingByteCount))
    return header.localHeader(sizes: 0, extra: extra)
  }

  /// What follows the data.
  func descriptor(checksum: UInt32) -> [UInt8] {
    guard byteCount > 0 else { return [] }
    return ZipRecordHeader.descriptor(
      checksum: checksum, storedByteCount: byteCount, byteCount: byteCount,
      isWide: hasWideSize || hasWideOffset)
  }

  /// Appends the record's entry in the directory at the end of the file.
  func appendCentralEntry(checksum: UInt32, to bytes: inout [UInt8]) {
    header.appendCentralEntry(
      checksum: checksum, storedByteCount: UInt32(clamping: byteCount),
      byteCount: UInt32(clamping: byteCount), headerOffset: UInt32(clamping: headerOffset),
      extra: zip64Extra(compressedByteCount: byteCount), to: &bytes)
  }
}
