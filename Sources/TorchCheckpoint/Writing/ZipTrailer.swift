/// What stands at the end of a torch zip file: the directory and the three records that find it.
enum ZipTrailer {
  /// The bytes from `offset` to the end of the file.
  static func bytes(
    of records: [ZipRecord], checksums: [UInt32], at offset: Int
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    for (record, checksum) in zip(records, checksums) {
      record.appendCentralEntry(checksum: checksum, to: &bytes)
    }
    let byteCount = bytes.count
    appendZip64End(count: records.count, byteCount: byteCount, offset: offset, to: &bytes)
    appendEnd(count: records.count, byteCount: byteCount, offset: offset, to: &bytes)
    return bytes
  }

  private static func appendZip64End(
    count: Int, byteCount: Int, offset: Int, to bytes: inout [UInt8]
  ) {
    let start = offset + byteCount
    bytes.appendLittleEndian(ZipFormat.zip64EndSignature)
    bytes.appendLittleEndian(UInt64(44))  // what follows of this record
    bytes.appendLittleEndian(UInt16(0x031E))  // made by: Unix, version 3.0
    bytes.appendLittleEndian(UInt16(45))  // version needed: 4.5
    bytes.appendLittleEndian(UInt64(0))  // disks
    bytes.appendLittleEndian(UInt64(count))
    bytes.appendLittleEndian(UInt64(count))
    bytes.appendLittleEndian(UInt64(byteCount))
    bytes.appendLittleEndian(UInt64(offset))
    // The locator.
    bytes.appendLittleEndian(ZipFormat.zip64LocatorSignature)
    bytes.appendLittleEndian(UInt32(0))  // disk
    bytes.appendLittleEndian(UInt64(start))
    bytes.appendLittleEndian(UInt32(1))  // disks in all
  }

  private static func appendEnd(
    count: Int, byteCount: Int, offset: Int, to bytes: inout [UInt8]
  ) {
    bytes.appendLittleEndian(ZipFormat.endSignature)
    bytes.appendLittleEndian(UInt32(0))  // disks
    bytes.appendLittleEndian(UInt16(clamping: count))
    bytes.appendLittleEndian(UInt16(clamping: count))
    bytes.appendLittleEndian(UInt32(clamping: byteCount))
    bytes.appendLittleEndian(UInt32(clamping: offset))
    bytes.appendLittleEndian(UInt16(0))  // comment
  }
}
