/// Where a stored record stands in a torch zip file.
struct ZipRecord {
  /// The name with the folder in front.
  let path: String
  /// The size of the data.
  let byteCount: Int
  /// Where the local header starts.
  let headerOffset: Int

  /// The data starts on a multiple of this, so that it can be mapped and used in place.
  static let alignment = 64

  /// Whether the size needs 64 bits.
  var hasWideSize: Bool { byteCount >= ZipFormat.saturated32 }
  /// Whether the place needs 64 bits.
  var hasWideOffset: Bool { headerOffset >= ZipFormat.saturated32 }

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

  private var flags: UInt16 {
    ZipFormat.utf8Flag | (byteCount == 0 ? 0 : ZipFormat.descriptorFlag)
  }
}

extension ZipRecord {
  /// The header in front of the data, padding included; checksum and sizes come after the data.
  var localHeader: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(dataOffset - headerOffset)
    bytes.appendLittleEndian(ZipFormat.localHeaderSignature)
    bytes.appendLittleEndian(UInt16(0))  // version needed
    appendMethodAndTime(to: &bytes)
    bytes.append(contentsOf: repeatElement(0, count: 12))  // checksum, sizes
    bytes.appendLittleEndian(UInt16(path.utf8.count))
    bytes.appendLittleEndian(
      UInt16(zip64ExtraByteCount + ZipFormat.extraHeaderByteCount + paddingByteCount))
    bytes.append(contentsOf: path.utf8)
    // The writer of torch does not know the compressed size at this point.
    appendZip64Extra(compressedByteCount: 0, to: &bytes)
    bytes.appendLittleEndian(ZipFormat.paddingExtraID)
    bytes.appendLittleEndian(UInt16(paddingByteCount))
    bytes.append(contentsOf: repeatElement(ZipFormat.paddingByte, count: paddingByteCount))
    return bytes
  }

  /// What follows the data.
  func descriptor(checksum: UInt32) -> [UInt8] {
    if byteCount == 0 { return [] }
    var bytes: [UInt8] = []
    bytes.appendLittleEndian(ZipFormat.descriptorSignature)
    bytes.appendLittleEndian(checksum)
    for _ in 0..<2 {  // compressed and not
      if hasWideSize || hasWideOffset {
        bytes.appendLittleEndian(UInt64(byteCount))
      } else {
        bytes.appendLittleEndian(UInt32(byteCount))
      }
    }
    return bytes
  }

  /// Appends the record's entry in the directory at the end of the file.
  func appendCentralEntry(checksum: UInt32, to bytes: inout [UInt8]) {
    bytes.appendLittleEndian(ZipFormat.centralEntrySignature)
    bytes.appendLittleEndian(UInt32(0))  // versions made by and needed
    appendMethodAndTime(to: &bytes)
    bytes.appendLittleEndian(checksum)
    bytes.appendLittleEndian(UInt32(clamping: byteCount))
    bytes.appendLittleEndian(UInt32(clamping: byteCount))
    bytes.appendLittleEndian(UInt16(path.utf8.count))
    bytes.appendLittleEndian(UInt16(zip64ExtraByteCount))
    bytes.append(contentsOf: repeatElement(0, count: 10))  // comment, disk, attributes
    bytes.appendLittleEndian(UInt32(clamping: headerOffset))
    bytes.append(contentsOf: path.utf8)
    appendZip64Extra(compressedByteCount: byteCount, to: &bytes)
  }

  private func appendMethodAndTime(to bytes: inout [UInt8]) {
    bytes.appendLittleEndian(flags)
    bytes.append(contentsOf: repeatElement(0, count: 6))  // stored; no time, no date
  }

  private func appendZip64Extra(compressedByteCount: Int, to bytes: inout [UInt8]) {
    guard zip64ExtraByteCount > 0 else { return }
    bytes.appendLittleEndian(ZipFormat.zip64ExtraID)
    bytes.appendLittleEndian(UInt16(zip64ExtraByteCount - ZipFormat.extraHeaderByteCount))
    if hasWideSize {
      bytes.appendLittleEndian(UInt64(byteCount))
      bytes.appendLittleEndian(UInt64(compressedByteCount))
    }
    if hasWideOffset { bytes.appendLittleEndian(UInt64(headerOffset)) }
  }
}
