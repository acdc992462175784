// SPDX-License-Identifier: Apache-2.0

/// The element type of a tensor, with its name in safetensors files.
///
/// The cases are in the order in which the reference writer sorts tensors (spec/safetensors.md W2). The
/// last ones are the quantized types of GGUF (spec/gguf.md GG14): their elements have no bytes of their
/// own, but are stored in blocks along the innermost dimension.
public enum DType: UInt8, CaseIterable, Sendable, Hashable {
  case uint64, int64, float64, complex64
  case float32, uint32, int32
  case bfloat16, float16, uint16, int16
  case float8E5M2FNUZ, float8E4M3FNUZ, float8E8M0FNU, float8E4M3FN, float8E5M2
  case int8, uint8
  case float6E3M2, float6E2M3
  case float4E2M1
  case bool
  case q4_0, q4_1, q5_0, q5_1, q8_0, q8_1
  case q2_K, q3_K, q4_K, q5_K, q6_K, q8_K
  case iq1_S, iq1_M, iq2_XXS, iq2_XS, iq2_S, iq3_XXS, iq3_S, iq4_NL, iq4_XS
  case tq1_0, tq2_0, q1_0, mxfp4, nvfp4

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
    case .q4_0: "Q4_0"
    case .q4_1: "Q4_1"
    case .q5_0: "Q5_0"
    case .q5_1: "Q5_1"
    case .q8_0: "Q8_0"
    case .q8_1: "Q8_1"
    case .q2_K: "Q2_K"
    case .q3_K: "Q3_K"
    case .q4_K: "Q4_K"
    case .q5_K: "Q5_K"
    case .q6_K: "Q6_K"
    case .q8_K: "Q8_K"
    case .iq1_S: "IQ1_S"
    case .iq1_M: "IQ1_M"
    case .iq2_XXS: "IQ2_XXS"
    case .iq2_XS: "IQ2_XS"
    case .iq2_S: "IQ2_S"
    case .iq3_XXS: "IQ3_XXS"
    case .iq3_S: "IQ3_S"
    case .iq4_NL: "IQ4_NL"
    case .iq4_XS: "IQ4_XS"
    case .tq1_0: "TQ1_0"
    case .tq2_0: "TQ2_0"
    case .q1_0: "Q1_0"
    case .mxfp4: "MXFP4"
    case .nvfp4: "NVFP4"
    }
  }

  /// The size of one element in bits: 4 and 6 for the sub-byte types, else a multiple of 8. Of a
  /// quantized type, the size of a block.
  @inlinable
  public var bitCount: Int {
    switch self {
    case .uint64, .int64, .float64, .complex64: 64
    case .float32, .uint32, .int32: 32
    case .bfloat16, .float16, .uint16, .int16: 16
    case .float6E3M2, .float6E2M3: 6
    case .float4E2M1: 4
    default: isQuantized ? 8 * block.byteCount : 8
    }
  }

  /// Whether the elements are real floating-point numbers, of any size, or quantized ones.
  public var isFloatingPoint: Bool {
    switch self {
    case .uint64, .int64, .complex64, .uint32, .int32, .uint16, .int16, .int8, .uint8, .bool: false
    default: true
    }
  }

  /// The size of one element in bytes; nil for the sub-byte and the quantized types.
  public var byteCount: Int? {
    !isQuantized && bitCount.isMultiple(of: 8) ? bitCount / 8 : nil
  }

  /// The dtype with this name in a safetensors header, which has no quantized ones; the comparison is
  /// exact.
  public init?(name: String) {
    let match = Self.allCases.first { !$0.isQuantized && $0.name == name }
    guard let match else { return nil }
    self = match
  }
}

extension DType: CustomStringConvertible {
  public var description: String { name }
}
