/// An element type of torch, under torch's own name.
package enum TorchDType: UInt8, CaseIterable, Sendable {
  case float64, float32, float16, bfloat16
  case int64, int32, int16, int8, uint8, bool
  case uint64, uint32, uint16
  case complex128, complex64, complex32
  case float8_e4m3fn, float8_e5m2, float8_e4m3fnuz, float8_e5m2fnuz, float8_e8m0fnu
  case float4_e2m1fn_x2
  case qint8, quint8, qint32, quint4x2, quint2x4
  case bits1x8, bits2x4, bits4x2, bits8, bits16
  case int1, int2, int3, int4, int5, int6, int7
  case uint1, uint2, uint3, uint4, uint5, uint6, uint7

  /// The name, for example `float8_e4m3fn`.
  package var name: String { "\(self)" }

  /// The size of one element in bytes, as `torch.dtype.itemsize` gives it.
  package var byteCount: Int {
    switch self {
    case .complex128: 16
    case .float64, .int64, .uint64, .complex64: 8
    case .float32, .int32, .uint32, .complex32, .qint32: 4
    case .float16, .bfloat16, .int16, .uint16, .bits16: 2
    default: 1
    }
  }

  /// The same type in other archives; nil where they have none.
  package var dtype: DType? {
    switch self {
    case .float64: .float64
    case .float32: .float32
    case .float16: .float16
    case .bfloat16: .bfloat16
    case .int64: .int64
    case .int32: .int32
    case .int16: .int16
    case .int8: .int8
    case .uint8: .uint8
    case .bool: .bool
    case .uint64: .uint64
    case .uint32: .uint32
    case .uint16: .uint16
    case .complex64: .complex64
    case .float8_e4m3fn: .float8E4M3FN
    case .float8_e5m2: .float8E5M2
    case .float8_e4m3fnuz: .float8E4M3FNUZ
    case .float8_e5m2fnuz: .float8E5M2FNUZ
    case .float8_e8m0fnu: .float8E8M0FNU
    // Two elements to a byte: the last extent counts bytes in torch and elements elsewhere.
    case .float4_e2m1fn_x2: .float4E2M1
    default: nil
    }
  }

  /// The bytes of the numbers that one element is made of: both halves of a complex number.
  package var componentByteCount: Int {
    switch self {
    case .complex128: 8
    case .complex64: 4
    case .complex32: 2
    default: byteCount
    }
  }

  /// The type that a storage class such as `FloatStorage` holds.
  package static let storageClasses: [String: TorchDType] = [
    "DoubleStorage": .float64, "FloatStorage": .float32, "HalfStorage": .float16,
    "BFloat16Storage": .bfloat16, "LongStorage": .int64, "IntStorage": .int32,
    "ShortStorage": .int16, "CharStorage": .int8, "ByteStorage": .uint8, "BoolStorage": .bool,
    "ComplexDoubleStorage": .complex128, "ComplexFloatStorage": .complex64,
    "QInt8Storage": .qint8, "QUInt8Storage": .quint8, "QInt32Storage": .qint32,
    "QUInt4x2Storage": .quint4x2, "QUInt2x4Storage": .quint2x4,
  ]
}
