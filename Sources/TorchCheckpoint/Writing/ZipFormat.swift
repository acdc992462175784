/// The numbers of the zip format that the records of a torch file share.
enum ZipFormat {
  static let localHeaderSignature: UInt32 = 0x0403_4B50
  static let descriptorSignature: UInt32 = 0x0807_4B50
  static let centralEntrySignature: UInt32 = 0x0201_4B50
  static let zip64EndSignature: UInt32 = 0x0606_4B50
  static let zip64LocatorSignature: UInt32 = 0x0706_4B50
  static let endSignature: UInt32 = 0x0605_4B50

  /// A local header without name and extra fields, in bytes.
  static let localHeaderByteCount = 30
  /// The id and the length of an extra field, in bytes.
  static let extraHeaderByteCount = 4
  /// The extra field that holds 64-bit sizes and offsets.
  static let zip64ExtraID: UInt16 = 1
  /// The extra field that torch pads with: "FB".
  static let paddingExtraID: UInt16 = 0x4246
  /// What it pads with.
  static let paddingByte: UInt8 = 0x5A

  /// Names are UTF-8.
  static let utf8Flag: UInt16 = 0x0800
  /// Checksum and sizes follow the data.
  static let descriptorFlag: UInt16 = 0x0008

  /// From this value on a 32-bit field gives way to a 64-bit one.
  static let saturated32 = 0xFFFF_FFFF
}

extension [UInt8] {
  /// Appends an integer, lowest byte first.
  mutating func appendLittleEndian<T: FixedWidthInteger>(_ value: T) {
    for shift in stride(from: 0, to: T.bitWidth, by: 8) {
      append(UInt8(truncatingIfNeeded: value >> T(shift)))
    }
  }
}
