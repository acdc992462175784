// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// An element type with its number in the cast kernels.
enum CastElement: Int32, Sendable {
  // The numbers are those of CKernels.h.
  case float64 = 0
  case float32 = 1
  case bfloat16 = 2
  case float16 = 3
  case float8E4M3FN = 4
  case float8E5M2 = 5
  case float8E4M3FNUZ = 6
  case float8E5M2FNUZ = 7
  case float8E8M0FNU = 8
  case bool = 9
  case uint8 = 10
  case int8 = 11
  case uint16 = 12
  case int16 = 13
  case uint32 = 14
  case int32 = 15
  case uint64 = 16
  case int64 = 17
  case complex64 = 18

  /// The type of a dtype, or nil for sub-byte and quantized dtypes.
  init?(_ dtype: DType) {
    switch dtype {
    case .float64: self = .float64
    case .float32: self = .float32
    case .bfloat16: self = .bfloat16
    case .float16: self = .float16
    case .float8E4M3FN: self = .float8E4M3FN
    case .float8E5M2: self = .float8E5M2
    case .float8E4M3FNUZ: self = .float8E4M3FNUZ
    case .float8E5M2FNUZ: self = .float8E5M2FNUZ
    case .float8E8M0FNU: self = .float8E8M0FNU
    case .bool: self = .bool
    case .uint8: self = .uint8
    case .int8: self = .int8
    case .uint16: self = .uint16
    case .int16: self = .int16
    case .uint32: self = .uint32
    case .int32: self = .int32
    case .uint64: self = .uint64
    case .int64: self = .int64
    case .complex64: self = .complex64
    default: return nil
    }
  }

  /// Whether the elements are integers or BOOL.
  var isInteger: Bool { (Self.bool.rawValue...Self.int64.rawValue).contains(rawValue) }

  /// The range of an integer type, for messages; nil for other types, and for BOOL, which accepts all
  /// values.
  var rangeText: String? {
    switch self {
    case .uint8: "0 to \(UInt8.max)"
    case .int8: "\(Int8.min) to \(Int8.max)"
    case .uint16: "0 to \(UInt16.max)"
    case .int16: "\(Int16.min) to \(Int16.max)"
    case .uint32: "0 to \(UInt32.max)"
    case .int32: "\(Int32.min) to \(Int32.max)"
    case .uint64: "0 to \(UInt64.max)"
    case .int64: "\(Int64.min) to \(Int64.max)"
    default: nil
    }
  }
}
