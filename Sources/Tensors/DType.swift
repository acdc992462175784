// SPDX-License-Identifier: Apache-2.0

/// The element type of a tensor, with its name in safetensors files.
///
/// The cases are in the order in which the reference writer sorts tensors (spec/safetensors.md W2).
public enum DType: UInt8, CaseIterable, Sendable, Hashable {
  case uint64, int64, float64, complex64
  case float32, uint32, int32
  case bfloat16, float16, uint16, int16
  case float8E5M2FNUZ, float8E4M3FNUZ, float8E8M0FNU, float8E4M3FN, float8E5M2
  case int8, uint8
  case float6E3M2, float6E2M3
  case float4E2M1
  case bool

  /// The name in a safetensors header, for example `BF16`.
  public var name: String { spelling.description }

  /// The name for comparisons without a `String`.
  package var spelling: StaticString {
    switch self {
    case .uint64: "U64"
    case .int64: "I64"
    case .float64: "F64"
    case .complex64: "C64"
    case .float32: "F32"
    case .uint32: "U32"
    case .int32: "I32"
    case .bfloat16: "BF16"
    case .float16: "F16"
    case .uint16: "U16"
    case .int16: "I16"
    case .float8E5M2FNUZ: "F8_E5M2FNUZ"
    case .float8E4M3FNUZ: "F8_E4M3FNUZ"
    case .float8E8M0FNU: "F8_E8M0"
    case .float8E4M3FN: "F8_E4M3"
    case .float8E5M2: "F8_E5M2"
    case .int8: "I8"
    case .uint8: "U8"
    case .float6E3M2: "F6_E3M2"
    case .float6E2M3: "F6_E2M3"
    case .float4E2M1: "F4"
    case .bool: "BOOL"
    }
  }

  /// The size of one element in bits: 4 and 6 for the sub-byte types, else a multiple of 8.
  @inlinable
  public var bitCount: Int {
    switch self {
    case .uint64, .int64, .float64, .complex64: 64
    case .float32, .uint32, .int32: 32
    case .bfloat16, .float16, .uint16, .int16: 16
    case .float6E3M2, .float6E2M3: 6
    case .float4E2M1: 4
    default: 8
    }
  }

  /// Whether the elements are real floating-point numbers, of any size.
  public var isFloatingPoint: Bool {
    switch self {
    case .float64, .float32, .bfloat16, .float16, .float8E5M2FNUZ, .float8E4M3FNUZ, .float8E8M0FNU,
      .float8E4M3FN, .float8E5M2, .float6E3M2, .float6E2M3, .float4E2M1:
      true
    case .uint64, .int64, .complex64, .uint32, .int32, .uint16, .int16, .int8, .uint8, .bool: false
    }
  }

  /// The size of one element in bytes; nil for the sub-byte types.
  public var byteCount: Int? {
    bitCount.isMultiple(of: 8) ? bitCount / 8 : nil
  }

  /// The dtype with this name in a safetensors header; the comparison is exact.
  public init?(name: String) {
    guard let match = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = match
  }
}

extension DType: CustomStringConvertible {
  public var description: String { name }
}
