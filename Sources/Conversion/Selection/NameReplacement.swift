// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// A replacement of the matches of a regular expression in tensor names, as Python's `re.sub` does
/// it.
public struct NameReplacement: Sendable, Hashable {
  /// The regular expression.
  public let pattern: String
  /// The replacement of each match; `\1` and `\g<name>` are groups, `\0` is the match, `\\` a
  /// backslash.
  public let replacement: String

  /// Parses `PATTERN=REPLACEMENT`, separated at the last `=`: patterns contain it in `(?=…)`.
  ///
  /// - Throws: `invalidArgument` without a `=`, for an invalid regular expression, and for a
  ///   replacement with a group that the pattern does not have, or another escape.
  public init(parsing text: String) throws(CheckpointError) {
    guard let sign = text.lastIndex(of: "=") else {
      throw .invalidArgument("'\(text.excerpt)' is not of the form PATTERN=REPLACEMENT")
    }
    pattern = String(text[..<sign])
    replacement = String(text[text.index(after: sign)...])
    _ = try NameRewriter(self)
  }
}
