// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// A rule that casts tensors to a dtype.
public struct CastRule: Sendable, Hashable {
  /// The pattern of the names, in the source, of the tensors to cast; nil for all tensors of
  /// floating-point dtypes.
  public let pattern: GlobPattern?
  /// The dtype that tensors are cast to.
  public let dtype: DType

  /// Creates a rule.
  public init(pattern: GlobPattern? = nil, dtype: DType) {
    self.pattern = pattern
    self.dtype = dtype
  }

  /// Parses `DTYPE` or `PATTERN=DTYPE`, the dtype spelled as in torch, or `q8_0`.
  ///
  /// - Throws: `invalidArgument` for an unknown dtype.
  public init(parsing text: String) throws(CheckpointError) {
    // Patterns may contain the sign, dtypes never do.
    let sign = text.lastIndex(of: "=")
    let name = sign.map { text[text.index(after: $0)...] } ?? text[...]
    guard let dtype = DType(torchName: String(name)) ?? DType(quantizedName: String(name)) else {
      throw Self.unknown(String(name))
    }
    self.init(pattern: sign.map { GlobPattern(String(text[..<$0])) }, dtype: dtype)
  }

  private static func unknown(_ name: String) -> CheckpointError {
    let known = DType.allCases.compactMap(\.torchName) + ["q8_0"]
    let advice: String
    if let meant = shortNames[name.lowercased()] ?? DType(name: name.uppercased())?.torchName {
      advice = "did you mean \(meant)?"
    } else {
      advice =
        name.suggestion(from: known) ?? "known dtypes: \(known.joined(separator: ", "))"
    }
    return .invalidArgument("unknown dtype '\(name.excerpt)'; \(advice)")
  }

  /// Short names of dtypes that are used elsewhere.
  private static let shortNames = [
    "fp16": "float16", "fp32": "float32", "fp64": "float64",
  ]

  /// Whether the rule applies to a tensor.
  ///
  /// Without a pattern it applies to the tensors that torch's `module.to(dtype)` converts: those of
  /// floating-point dtypes.
  func applies(to tensor: TensorInfo) -> Bool {
    pattern.map { $0.matches(tensor.name) } ?? tensor.dtype.isFloatingPoint
  }
}

extension [CastRule] {
  /// The dtype that a tensor is cast to: the last rule that applies decides.
  func dtype(for tensor: TensorInfo) -> DType {
    last { $0.applies(to: tensor) }?.dtype ?? tensor.dtype
  }
}
