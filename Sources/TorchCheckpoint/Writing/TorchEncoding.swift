internal import Tensors

/// How torch pickles the tensors of a dtype.
enum TorchEncoding {
  /// In a storage whose class tells the dtype, such as `torch.FloatStorage`; every release reads it.
  case typedStorage(String)
  /// In a `torch.storage.UntypedStorage`, the dtype told beside it, such as `torch.float8_e5m2`.
  /// The releases of layouts before `since` do not have the dtype.
  case untypedStorage(dtype: String, since: TorchLayout)

  /// The encoding of a dtype, nil when torch does not have it.
  init?(_ dtype: DType) {
    switch dtype {
    case .float64: self = .typedStorage("DoubleStorage")
    case .float32: self = .typedStorage("FloatStorage")
    case .float16: self = .typedStorage("HalfStorage")
    case .bfloat16: self = .typedStorage("BFloat16Storage")
    case .int64: self = .typedStorage("LongStorage")
    case .int32: self = .typedStorage("IntStorage")
    case .int16: self = .typedStorage("ShortStorage")
    case .int8: self = .typedStorage("CharStorage")
    case .uint8: self = .typedStorage("ByteStorage")
    case .bool: self = .typedStorage("BoolStorage")
    case .complex64: self = .typedStorage("ComplexFloatStorage")
    case .uint16: self = .untypedStorage(dtype: "uint16", since: .v2_1)
    case .uint32: self = .untypedStorage(dtype: "uint32", since: .v2_1)
    case .uint64: self = .untypedStorage(dtype: "uint64", since: .v2_1)
    case .float8E4M3FN: self = .untypedStorage(dtype: "float8_e4m3fn", since: .v2_1)
    case .float8E5M2: self = .untypedStorage(dtype: "float8_e5m2", since: .v2_1)
    case .float8E4M3FNUZ: self = .untypedStorage(dtype: "float8_e4m3fnuz", since: .v2_1)
    case .float8E5M2FNUZ: self = .untypedStorage(dtype: "float8_e5m2fnuz", since: .v2_1)
    case .float8E8M0FNU: self = .untypedStorage(dtype: "float8_e8m0fnu", since: .v2_7)
    case .float4E2M1: self = .untypedStorage(dtype: "float4_e2m1fn_x2", since: .v2_7)
    case .float6E3M2, .float6E2M3: return nil
    }
  }
}
