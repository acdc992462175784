// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The fields that both headers of a zip record share, and the record's descriptor.
///
/// Writers differ in the version that they claim and in the size from which numbers take 64 bits, so
/// the caller gives both.
package struct ZipRecordHeader: Sendable {
  /// The name.
  package let path: String
  /// The general-purpose flags.
  package let flags: UInt16
  /// The compression method.
  package let method: ZipEntry.Method
  /// The version needed, and the system and version made by.
  package let versionNeeded: UInt16
  package let versionMadeBy: UInt16
  /// The date in MS-DOS format; the time is midnight.
  package let date: UInt16
  /// The external attributes: the Unix mode in the upper half.
  package let externalAttributes: UInt32

  package init(
    path: String, flags: UInt16, method: ZipEntry.Method, versionNeeded: UInt16,
    versionMadeBy: UInt16, date: UInt16, externalAttributes: UInt32
  ) {
    self.path = path
    self.flags = flags
    self.method = method
    self.versionNeeded = versionNeeded
    self.versionMadeBy = versionMadeBy
    self.date = date
    self.externalAttributes = externalAttributes
  }

  /// The header before the data. The checksum follows the data.
  ///
  /// - Parameters:
  ///   - sizes: the value of both size fields.
  ///   - extra: the extra fields, at most 65535 bytes.
  package func localHeader(sizes: UInt32, extra: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(ZipFormat.localHeaderByteCount + path.utf8.count + extra.count)
    bytes.appendLittleEndian(ZipFormat.localHeaderSignature)
    bytes.appendLittleEndian(versionNeeded)
    appendMethodAndTime(to: &bytes)
    bytes.appendLittleEndian(UInt32(0))  // checksum
    bytes.appendLittleEndian(sizes)
    bytes.appendLittleEndian(sizes)
    bytes.appendLittleEndian(UInt16(path.utf8.count))
    bytes.appendLittleEndian(UInt16(extra.count))
    bytes.append(contentsOf: path.utf8)
    bytes.append(contentsOf: extra)
    return bytes
  }

  /// Appends the entry of the record in the directory.
  package func appendCentralEntry(
    checksum: UInt32, storedByteCount: UInt32, byteCount: UInt32, headerOffset: UInt32,
    extra: [UInt8], to bytes: inout [UInt8]
  ) {
    bytes.appendLittleEndian(ZipFormat.centralEntrySignature)
    bytes.appendLittleEndian(versionMadeBy)
    bytes.appendLittleEndian(versionNeeded)
    appendMethodAndTime(to: &bytes)
    bytes.appendLittleEndian(checksum)
    bytes.appendLittleEndian(storedByteCount)
    bytes.appendLittleEndian(byteCount)
    bytes.appendLittleEndian(UInt16(path.utf8.count))
    bytes.appendLittleEndian(UInt16(extra.count))
    bytes.append(contentsOf: repeatElement(0, count: 6))  // comment, disk, internal attributes
    bytes.appendLittleEndian(externalAttributes)
    bytes.appendLittleEndian(headerOffset)
    bytes.append(contentsOf: path.utf8)
    bytes.append(contentsOf: extra)
  }

  private func appendMethodAndTime(to bytes: inout [UInt8]) {
    bytes.appendLittleEndian(flags)
    bytes.appendLittleEndian(method.rawValue)
    bytes.appendLittleEndian(UInt16(0))  // time
    bytes.appendLittleEndian(date)
  }

  /// The descriptor after the data: checksum and sizes.
  package static func descriptor(
    checksum: UInt32, storedByteCount: Int, byteCount: Int, isWide: Bool
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendLittleEndian(ZipFormat.descriptorSignature)
    bytes.appendLittleEndian(checksum)
    for size in [storedByteCount, byteCount] {
      if isWide {
        bytes.appendLittleEndian(UInt64(size))
      } else {
        bytes.appendLittleEndian(UInt32(size))
      }
    }
    return bytes
  }
}
