// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The records at the end of a zip file, which locate its directory.
package enum ZipTrailer {
  /// The bytes from the end of the directory to the end of the file.
  ///
  /// - Parameters:
  ///   - recordCount: the number of records in the directory.
  ///   - directory: the range of the directory in the file.
  ///   - wideMadeBy: the system and version in the 64-bit record; nil for no such record.
  package static func bytes(
    recordCount: Int, directory: Range<Int>, wideMadeBy: UInt16?
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    if let wideMadeBy {
      bytes.appendLittleEndian(ZipFormat.zip64EndSignature)
      bytes.appendLittleEndian(UInt64(44))  // what follows of this record
      bytes.appendLittleEndian(wideMadeBy)
      bytes.appendLittleEndian(UInt16(45))  // version needed: 4.5
      bytes.appendLittleEndian(UInt64(0))  // disks
      bytes.appendLittleEndian(UInt64(recordCount))
      bytes.appendLittleEndian(UInt64(recordCount))
      bytes.appendLittleEndian(UInt64(directory.count))
      bytes.appendLittleEndian(UInt64(directory.lowerBound))
      // The locator.
      bytes.appendLittleEndian(ZipFormat.zip64LocatorSignature)
      bytes.appendLittleEndian(UInt32(0))  // disk
      bytes.appendLittleEndian(UInt64(directory.upperBound))
      bytes.appendLittleEndian(UInt32(1))  // disks in all
    }
    bytes.appendLittleEndian(ZipFormat.endSignature)
    bytes.appendLittleEndian(UInt32(0))  // disks
    bytes.appendLittleEndian(UInt16(clamping: recordCount))
    bytes.appendLittleEndian(UInt16(clamping: recordCount))
    bytes.appendLittleEndian(UInt32(clamping: directory.count))
    bytes.appendLittleEndian(UInt32(clamping: directory.lowerBound))
    bytes.appendLittleEndian(UInt16(0))  // comment
    return bytes
  }
}
