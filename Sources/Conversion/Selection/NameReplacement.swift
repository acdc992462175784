public import Tensors

/// A replacement of what a regular expression finds in the names of tensors, as Python's `re.sub`
/// carries it out.
public struct NameReplacement: Sendable, Hashable {
  /// The regular expression.
  public let pattern: String
  /// What stands in the place of each match; `\1` or `\g<name>` is a group of it, `\0` all of it, and
  /// `\\` a backslash.
  public let replacement: String

  /// Takes `PATTERN=REPLACEMENT`, parted at the last `=`: patterns have that sign in `(?=…)`.
  ///
  /// - Throws: `invalidArgument` without a `=`, for a pattern that is no regular expression, and for a
  ///   replacement with a group that the pattern does not have, or another escape.
  public init(parsing text: String) throws(CheckpointError) {
    guard let sign = text.lastIndex(of: "=") else {
      throw .invalidArgument("'\(text.excerpt)' is no PATTERN=REPLACEMENT")
    }
    pattern = String(text[..<sign])
    replacement = String(text[text.index(after: sign)...])
    _ = try NameRewriter(self)
  }
}
