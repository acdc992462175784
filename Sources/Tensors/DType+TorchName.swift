extension DType {
  /// The name in torch, for example `bfloat16`, or nil where torch has no such dtype (F6).
  public var torchName: String? {
    switch self {
    case .uint64: "uint64"
    case .int64: "int64"
    case .float64: "float64"
    case .complex64: "complex64"
    case .float32: "float32"
    case .uint32: "uint32"
    case .int32: "int32"
    case .bfloat16: "bfloat16"
    case .float16: "float16"
    case .uint16: "uint16"
    case .int16: "int16"
    case .float8E5M2FNUZ: "float8_e5m2fnuz"
    case .float8E4M3FNUZ: "float8_e4m3fnuz"
    case .float8E8M0FNU: "float8_e8m0fnu"
    case .float8E4M3FN: "float8_e4m3fn"
    case .float8E5M2: "float8_e5m2"
    case .int8: "int8"
    case .uint8: "uint8"
    case .float6E3M2, .float6E2M3: nil
    // Two elements to a byte: the last extent counts bytes in torch and elements elsewhere.
    case .float4E2M1: "float4_e2m1fn_x2"
    case .bool: "bool"
    }
  }

  /// The dtype that torch calls `torchName`, as in `torch.float32` and with or without the module:
  /// also by torch's second names (`half`, `float`, `double`, `cfloat`, `short`, `int`, `long`).
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
