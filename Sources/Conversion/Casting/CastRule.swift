public import Tensors

/// A dtype that tensors are converted to.
public struct CastRule: Sendable, Hashable {
  /// The names, in the source, that the rule is for; nil for all tensors of floating-point dtypes.
  public let pattern: GlobPattern?
  /// The dtype.
  public let dtype: DType

  /// Makes a rule.
  public init(pattern: GlobPattern? = nil, dtype: DType) {
    self.pattern = pattern
    self.dtype = dtype
  }

  /// Takes `DTYPE` or `PATTERN=DTYPE`, the dtype as torch spells it.
  ///
  /// - Throws: `invalidArgument` when there is no such dtype.
  public init(parsing text: String) throws(CheckpointError) {
    // Patterns may hold the sign, dtypes never do.
    let sign = text.lastIndex(of: "=")
    let name = sign.map { text[text.index(after: $0)...] } ?? text[...]
    guard let dtype = DType(torchName: String(name)) else { throw Self.unknown(String(name)) }
    self.init(pattern: sign.map { GlobPattern(String(text[..<$0])) }, dtype: dtype)
  }

  private static func unknown(_ name: String) -> CheckpointError {
    let known = DType.allCases.compactMap(\.torchName)
    let advice: String
    if let meant = shortNames[name.lowercased()] ?? DType(name: name.uppercased())?.torchName {
      advice = "did you mean \(meant)?"
    } else {
      advice = "it knows \(known.joined(separator: ", "))"
    }
    return .invalidArgument("'\(name.excerpt)' is no dtype that convert knows; \(advice)")
  }

  /// What others call the dtypes, besides safetensors.
  private static let shortNames = [
    "fp16": "float16", "fp32": "float32", "fp64": "float64",
  ]

  /// Whether the rule is for this tensor.
  ///
  /// Without a pattern it is for what `module.to(dtype)` of torch converts: floating-point numbers.
  func applies(to tensor: TensorInfo) -> Bool {
    pattern.map { $0.matches(tensor.name) } ?? tensor.dtype.isFloatingPoint
  }
}

extension [CastRule] {
  /// What a tensor is converted to: the last rule for it decides.
  func dtype(for tensor: TensorInfo) -> DType {
    last { $0.applies(to: tensor) }?.dtype ?? tensor.dtype
  }
}
