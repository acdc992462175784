// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// A tensor that is written with another dtype of the same size because NumPy lacks its own.
public struct NumPySubstitution: Sendable, Hashable {
  /// The tensor.
  public let tensor: TensorName
  /// Its dtype.
  public let dtype: DType
  /// The unsigned integer dtype of the file.
  public let written: DType

  /// Describes a substitution.
  public init(tensor: TensorName, dtype: DType, written: DType) {
    self.tensor = tensor
    self.dtype = dtype
    self.written = written
  }
}

extension DType {
  /// The dtype of the file for this one: the same, an unsigned integer of the same size, or nil for
  /// elements smaller than a byte and for quantized ones.
  var inNumPy: DType? {
    switch self {
    case .bfloat16: .uint16
    case .float8E5M2FNUZ, .float8E4M3FNUZ, .float8E8M0FNU, .float8E4M3FN, .float8E5M2: .uint8
    case .float6E3M2, .float6E2M3, .float4E2M1: nil
    default: isQuantized ? nil : self
    }
  }

  /// NumPy's `descr`; nil for dtypes that NumPy lacks.
  var npyDescription: StaticString? {
    switch self {
    case .bool: "|b1"
    case .int8: "|i1"
    case .uint8: "|u1"
    case .int16: "<i2"
    case .uint16: "<u2"
    case .int32: "<i4"
    case .uint32: "<u4"
    case .int64: "<i8"
    case .uint64: "<u8"
    case .float16: "<f2"
    case .float32: "<f4"
    case .float64: "<f8"
    case .complex64: "<c8"
    default: nil
    }
  }
}
