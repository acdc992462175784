// SPDX-License-Identifier: Apache-2.0

extension Finding {
  /// The rule that a finding comes from, a stable word for programs.
  ///
  /// spec/findings.md says what each code means, and ``all`` lists them.
  public struct Code: RawRepresentable, ExpressibleByStringLiteral, Hashable, Sendable {
    /// The word, such as `shape-mismatch`.
    public let rawValue: String

    /// Creates a code.
    public init(rawValue: String) {
      self.rawValue = rawValue
    }

    /// Creates a code.
    public init(stringLiteral: String) {
      rawValue = stringLiteral
    }
  }
}

extension Finding.Code: CustomStringConvertible {
  /// The word.
  public var description: String { rawValue }
}

extension Finding.Code {
  /// All codes, in byte order. A test compares them with spec/findings.md and with the sources.
  public static let all: [Finding.Code] = [
    "base-mismatch",
    "base-model",
    "base-weights",
    "dimensions",
    "dtype-mismatch",
    "empty-tensor",
    "foreign-config",
    "foreign-weights",
    "format-mismatch",
    "index-differs",
    "index-without-metadata",
    "invalid-expression",
    "invalid-value",
    "lost-key",
    "misnamed-tensor",
    "missing-key",
    "missing-method",
    "missing-module",
    "missing-tensor",
    "nested-module",
    "no-adapter-tensors",
    "no-format-key",
    "no-target",
    "no-tensors",
    "non-finite-values",
    "overlapping-patterns",
    "parameter-layout",
    "peft-type",
    "runtime-config",
    "runtime-ignores",
    "runtime-refuses",
    "runtime-unknown",
    "saved-embeddings",
    "shape-mismatch",
    "sliced-tensors",
    "source-initialization",
    "superseded-method",
    "superseded-weights",
    "text-initialization",
    "token-dimension",
    "tokenizer-arguments",
    "unexpected-tensor",
    "unknown-key",
    "unknown-peft-type",
    "unknown-task-type",
    "unmatched-exclusion",
    "unmatched-expression",
    "unmatched-pattern",
    "unmatched-target",
    "unsupported-dtype",
    "unsupported-layer",
    "unsupported-task-type",
    "untargeted-module",
    "untrained",
    "untrained-modules",
    "weights-only",
    "wrong-type",
    "zero-tail",
    "zero-tensor",
  ]
}
