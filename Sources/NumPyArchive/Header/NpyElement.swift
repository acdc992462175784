// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// The element type of an array, which NumPy calls `descr`.
package enum NpyElement: Equatable, Sendable {
  /// A dtype that tensors have.
  case plain(DType, isBigEndian: Bool)
  /// Python objects, stored as a pickle.
  case objects
  /// A type that tensors do not have, in words, and the size of an element in bytes; nil for a
  /// structured type with a part that is not known.
  case other(String, byteCount: Int?)

  /// Parses a text such as `<f4`; nil when it is not a NumPy type (spec/numpy.md N7, N8).
  init?(_ text: String) {
    let units = Array(text.utf8)
    guard units.count >= 2, let order = Order(rawValue: units[0]) else { return nil }
    let kind = units[1]
    if kind == UInt8(ascii: "O"), order == .none {
      guard units.count == 2 || units[2...].elementsEqual("8".utf8) else { return nil }
      self = .objects
      return
    }
    guard let width = Self.width(Self.withoutUnit(units[2...], kind)) else { return nil }
    guard let dtype = Self.dtype(kind, width) else {
      guard let name = Self.name(of: kind, width) else { return nil }
      let isText = kind == UInt8(ascii: "U")
      self = .other(name, byteCount: isText ? 4 * width : width)
      return
    }
    // A single byte has no order; larger elements must state theirs, except those of ml_dtypes.
    let needsOrder = width > 1 && dtype != .bfloat16
    guard order != .none || !needsOrder else { return nil }
    self = .plain(dtype, isBigEndian: order == .big && width > 1)
  }

  /// The size of an element in bytes; nil for Python objects, and for unknown structured types.
  var byteCount: Int? {
    switch self {
    case .plain(let dtype, _): dtype.bitCount / 8
    case .objects: nil
    case .other(_, let byteCount): byteCount
    }
  }

  /// The byte order of an element.
  private enum Order: UInt8 {
    case little = 0x3C  // <
    case big = 0x3E  // >
    case none = 0x7C  // |
  }

  /// The size without the unit of a time, as in `8[ns]`.
  private static func withoutUnit(_ text: ArraySlice<UInt8>, _ kind: UInt8) -> ArraySlice<UInt8> {
    guard
      kind == UInt8(ascii: "M") || kind == UInt8(ascii: "m"), text.last == UInt8(ascii: "]"),
      let bracket = text.firstIndex(of: UInt8(ascii: "["))
    else { return text }
    return text[..<bracket]
  }

  /// The decimal digits of a size, up to the largest that NumPy supports.
  private static func width(_ digits: ArraySlice<UInt8>) -> Int? {
    guard
      !digits.isEmpty, digits.count <= 10, digits.allSatisfy({ (0x30...0x39).contains($0) }),
      digits.count == 1 || digits.first != 0x30
    else { return nil }
    return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }

  private static func dtype(_ kind: UInt8, _ width: Int) -> DType? {
    switch (kind, width) {
    case (UInt8(ascii: "b"), 1): .bool
    case (UInt8(ascii: "i"), 1): .int8
    case (UInt8(ascii: "i"), 2): .int16
    case (UInt8(ascii: "i"), 4): .int32
    case (UInt8(ascii: "i"), 8): .int64
    case (UInt8(ascii: "u"), 1): .uint8
    case (UInt8(ascii: "u"), 2): .uint16
    case (UInt8(ascii: "u"), 4): .uint32
    case (UInt8(ascii: "u"), 8): .uint64
    // ml_dtypes uses this name for only one of its 8-bit types.
    case (UInt8(ascii: "f"), 1): .float8E5M2
    case (UInt8(ascii: "f"), 2): .float16
    case (UInt8(ascii: "f"), 4): .float32
    case (UInt8(ascii: "f"), 8): .float64
    case (UInt8(ascii: "c"), 8): .complex64
    // ml_dtypes has only one 16-bit type.
    case (UInt8(ascii: "V"), 2): .bfloat16
    default: nil
    }
  }

  /// The name of a type that NumPy has and tensors do not.
  private static func name(of kind: UInt8, _ width: Int) -> String? {
    switch (kind, width) {
    case (UInt8(ascii: "f"), 10), (UInt8(ascii: "f"), 12), (UInt8(ascii: "f"), 16):
      "float\(8 * width) array"
    case (UInt8(ascii: "c"), 16), (UInt8(ascii: "c"), 20), (UInt8(ascii: "c"), 24),
      (UInt8(ascii: "c"), 32):
      "complex\(8 * width) array"
    case (UInt8(ascii: "S"), _), (UInt8(ascii: "a"), _): "byte string array"
    case (UInt8(ascii: "U"), _): "string array"
    case (UInt8(ascii: "M"), 8): "datetime64 array"
    case (UInt8(ascii: "m"), 8): "timedelta64 array"
    case (UInt8(ascii: "V"), 1):
      "void array (of a type of eight bits or fewer, it does not say which)"
    case (UInt8(ascii: "V"), _): "void array of \(width) bytes"
    default: nil
    }
  }
}
