// SPDX-License-Identifier: Apache-2.0

/// A value of a GGUF file's metadata (spec/gguf.md, GG6).
public enum GGUFValue: Sendable, Hashable {
  case uint8(UInt8), int8(Int8)
  case uint16(UInt16), int16(Int16)
  case uint32(UInt32), int32(Int32)
  case uint64(UInt64), int64(Int64)
  case float32(Float), float64(Double)
  case bool(Bool)
  case string(String)
  /// A text whose bytes are not UTF-8.
  case bytes([UInt8])
  case array(GGUFArray)

  /// The type.
  public var type: GGUFValueType {
    switch self {
    case .uint8: .uint8
    case .int8: .int8
    case .uint16: .uint16
    case .int16: .int16
    case .uint32: .uint32
    case .int32: .int32
    case .uint64: .uint64
    case .int64: .int64
    case .float32: .float32
    case .float64: .float64
    case .bool: .bool
    case .string, .bytes: .string
    case .array: .array
    }
  }

  /// The text of a string; nil for values of other types.
  public var string: String? {
    if case .string(let text) = self { text } else { nil }
  }

  /// The elements of an array; nil for values of other types.
  public var elements: [GGUFValue]? {
    if case .array(let array) = self { array.elements } else { nil }
  }

  /// The number of an integer of any width; nil for other values, and beyond the range of `Int`.
  public var integer: Int? {
    switch self {
    case .uint8(let value): Int(value)
    case .int8(let value): Int(value)
    case .uint16(let value): Int(value)
    case .int16(let value): Int(value)
    case .uint32(let value): Int(value)
    case .int32(let value): Int(value)
    case .uint64(let value): Int(exactly: value)
    case .int64(let value): Int(value)
    default: nil
    }
  }

  /// The number of a float or integer, as close as F64 comes; nil for other values.
  public var number: Double? {
    switch self {
    case .float32(let value): Double(value)
    case .float64(let value): value
    case .uint64(let value): Double(value)
    default: integer.map { Double($0) }
    }
  }
}

/// An array in the metadata; all its elements have one type.
public struct GGUFArray: Sendable, Hashable {
  /// The type of the elements.
  public let elementType: GGUFValueType
  /// The elements.
  public let elements: [GGUFValue]

  /// Creates an array. An element of another type is a programming error and traps.
  public init(of elementType: GGUFValueType, _ elements: [GGUFValue]) {
    precondition(
      elements.allSatisfy { $0.type == elementType }, "the elements of an array have one type")
    self.elementType = elementType
    self.elements = elements
  }
}

/// The type of a value, with its number in files.
public enum GGUFValueType: UInt32, Sendable, Hashable, CaseIterable {
  case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array
  case uint64, int64, float64

  /// The name, such as `uint32`.
  public var name: String { "\(self)" }

  /// The size of a value in bytes; nil for strings and arrays.
  var byteCount: Int? {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    case .string, .array: nil
    }
  }
}
