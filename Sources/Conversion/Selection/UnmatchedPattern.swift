// SPDX-License-Identifier: Apache-2.0

/// A pattern of the conversion options that has no effect on an archive, usually a typo.
public struct UnmatchedPattern: Sendable, Hashable {
  /// The option that the pattern belongs to.
  public enum Option: Sendable {
    case include, exclude, cast, rename
  }

  /// The option.
  public let option: Option
  /// The pattern: a shell pattern, for `rename` a regular expression.
  public let pattern: String
}
