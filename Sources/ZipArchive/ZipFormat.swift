// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// Constants of the zip format.
package enum ZipFormat {
  /// The first bytes of an archive.
  package static let fileSignature: [UInt8] = [0x50, 0x4B, 0x03, 0x04]
  static let localHeaderSignature: UInt32 = 0x0403_4B50
  static let descriptorSignature: UInt32 = 0x0807_4B50
  package static let centralEntrySignature: UInt32 = 0x0201_4B50
  static let zip64EndSignature: UInt32 = 0x0606_4B50
  static let zip64LocatorSignature: UInt32 = 0x0706_4B50
  static let endSignature: UInt32 = 0x0605_4B50

  /// The size in bytes of a local header without name and extra fields.
  package static let localHeaderByteCount = 30
  /// The size in bytes of an entry of the index without name, extra fields and comment.
  package static let centralEntryByteCount = 46
  /// The size in bytes of the ID and the length of an extra field.
  package static let extraHeaderByteCount = 4
  /// The ID of the extra field with 64-bit sizes and offsets.
  static let zip64ExtraID: UInt16 = 1

  /// Names are UTF-8.
  package static let utf8Flag: UInt16 = 0x0800
  /// Checksum and sizes follow the data.
  package static let descriptorFlag: UInt16 = 0x0008
}

extension [UInt8] {
  /// Appends the extra field with 64-bit numbers; without numbers, appends nothing.
  package mutating func appendZip64Extra(_ numbers: [UInt64]) {
    guard !numbers.isEmpty else { return }
    appendLittleEndian(ZipFormat.zip64ExtraID)
    appendLittleEndian(UInt16(8 * numbers.count))
    for number in numbers { appendLittleEndian(number) }
  }
}
