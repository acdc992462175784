// SPDX-License-Identifier: Apache-2.0

/// An element type of torch, by its name in torch.
@usableFromInline
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

  /// The size of one element in bytes, equal to `torch.dtype.itemsize`.
  @usableFromInline
  package var byteCount: Int {
    switch self {
    case .complex128: 16
    case .float64, .int64, .uint64, .complex64: 8
    case .float32, .int32, .uint32, .complex32, .qint32: 4
    case .float16, .bfloat16, .int16, .uint16, .bits16: 2
    default: 1
    }
  }

  /// The size in bytes of each number in an element; a complex element has two.
  package var componentByteCount: Int {
    switch self {
    case .complex128: 8
    case .complex64: 4
    case .complex32: 2
    default: byteCount
    }
  }

  /// Whether the elements are quantized integers, which need a separate scale.
  package var isQuantized: Bool {
    switch self {
    case .qint8, .quint8, .qint32, .quint4x2, .quint2x4: true
    default: false
    }
  }

  /// The dtype of archives; nil for a type that only torch has.
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
    // Two elements in a byte: the last dimension counts bytes in torch, but elements elsewhere.
    case .float4_e2m1fn_x2: .float4E2M1
    default: nil
    }
  }

  /// The storage class of the type, for example `FloatStorage`; nil for a type that torch stores
  /// only in untyped storages.
  package var storageClass: String? {
    switch self {
    case .float64: "DoubleStorage"
    case .float32: "FloatStorage"
    case .float16: "HalfStorage"
    case .bfloat16: "BFloat16Storage"
    case .int64: "LongStorage"
    case .int32: "IntStorage"
    case .int16: "ShortStorage"
    case .int8: "CharStorage"
    case .uint8: "ByteStorage"
    case .bool: "BoolStorage"
    case .complex128: "ComplexDoubleStorage"
    case .complex64: "ComplexFloatStorage"
    case .qint8: "QInt8Storage"
    case .quint8: "QUInt8Storage"
    case .qint32: "QInt32Storage"
    case .quint4x2: "QUInt4x2Storage"
    case .quint2x4: "QUInt2x4Storage"
    default: nil
    }
  }

  /// The torch type of a dtype; nil for the 6-bit dtypes, which torch does not have.
  package init?(_ dtype: DType) {
    guard let match = Self.byDType[dtype] else { return nil }
    self = match
  }

  private static let byDType = [DType: TorchDType](
    allCases.compactMap { type in type.dtype.map { ($0, type) } },
    uniquingKeysWith: { first, _ in first })
}

extension DType {
  /// The name in torch, for example `bfloat16`; nil for the 6-bit dtypes, which torch does not
  /// have.
  public var torchName: String? { TorchDType(self)?.name }

  /// The dtype with this name in torch, with or without `torch.` in front, or with one of torch's
  /// aliases (`half`, `float`, `double`, `cfloat`, `short`, `int`, `long`).
  ///
  /// - Complexity: O(1).
  public init?(torchName: String) {
    let prefix = "torch."
    let name =
      torchName.hasPrefix(prefix) ? String(torchName.dropFirst(prefix.count)) : torchName
    switch name {
    case "half": self = .float16
    case "float": self = .float32
    case "double": self = .float64
    case "cfloat": self = .complex64
    case "short": self = .int16
    case "int": self = .int32
    case "long": self = .int64
    default:
      guard let match = Self.allCases.first(where: { $0.torchName == name }) else { return nil }
      self = match
    }
  }
}
