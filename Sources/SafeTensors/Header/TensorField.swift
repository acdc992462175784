// SPDX-License-Identifier: Apache-2.0

/// A field of a tensor's description in a header.
enum TensorField: CaseIterable {
  case dtype, shape, dataOffsets

  /// The name in the header.
  var name: StaticString {
    switch self {
    case .dtype: "dtype"
    case .shape: "shape"
    case .dataOffsets: "data_offsets"
    }
  }
}

extension HeaderScanner {
  /// Consumes a field's name and colon as writers produce them, without escapes and white space;
  /// otherwise the cursor does not move.
  @inline(__always)
  mutating func takeUsualField() -> TensorField? {
    guard position <= bytes.count - 16 else { return nil }
    switch bytes.word(at: position) {
    case Self.dtypeWord:
      position += 8
      return .dtype
    case Self.shapeWord:
      position += 8
      return .shape
    case Self.dataWord where bytes.word(at: position + 7) == Self.offsetsWord:
      position += 15
      return .dataOffsets
    default:
      return nil
    }
  }

  // `"dtype":`, `"shape":`, `"data_of` and `ffsets":` as little-endian integers.
  private static var dtypeWord: UInt64 { 0x3A22_6570_7974_6422 }
  private static var shapeWord: UInt64 { 0x3A22_6570_6168_7322 }
  private static var dataWord: UInt64 { 0x666F_5F61_7461_6422 }
  private static var offsetsWord: UInt64 { 0x3A22_7374_6573_6666 }
}
