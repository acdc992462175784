// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// A dtype that the kernels compute in: one of the four floating-point formats of torch modules.
public enum FloatFormat: UInt8, CaseIterable, Hashable, Sendable {
  // The numbers are those of CKernels.h.
  case float64 = 0
  case float32 = 1
  case bfloat16 = 2
  case float16 = 3

  /// The format of a dtype, or nil for dtypes that are not computed in.
  public init?(_ dtype: DType) {
    switch dtype {
    case .float64: self = .float64
    case .float32: self = .float32
    case .bfloat16: self = .bfloat16
    case .float16: self = .float16
    default: return nil
    }
  }

  /// The dtype of the format.
  public var dtype: DType {
    switch self {
    case .float64: .float64
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .float16: .float16
    }
  }

  /// The size of one element in bytes.
  public var byteCount: Int {
    switch self {
    case .float64: 8
    case .float32: 4
    case .bfloat16, .float16: 2
    }
  }

  /// Whether sums are accumulated in F32 and then rounded to this format.
  public var isHalf: Bool { self == .bfloat16 || self == .float16 }

  /// The bits of the significand, including the hidden one. The relative error of a rounding (u) is at
  /// most 2 to the minus this.
  public var significandBitCount: Int {
    switch self {
    case .float64: 53
    case .float32: 24
    case .bfloat16: 8
    case .float16: 11
    }
  }

  /// The exponent of the smallest subnormal (η is 2 to this).
  public var smallestExponent: Int {
    switch self {
    case .float64: -1074
    case .float32: -149
    case .bfloat16: -133
    case .float16: -24
    }
  }

  /// The exponent of the first power of two that is too large.
  var overflowExponent: Int {
    switch self {
    case .float64: 1024
    case .float32, .bfloat16: 128
    case .float16: 16
    }
  }
}

extension FloatFormat: CustomStringConvertible {
  /// The name in a safetensors header, for example `BF16`.
  public var description: String { dtype.name }
}
