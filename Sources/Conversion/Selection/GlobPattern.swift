public import Tensors

#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Glibc
#endif

/// A shell pattern for the names of tensors: `*` and `?` stand for any characters, dots too, `[a-z]`
/// and `[!a-z]` for one of some.
public struct GlobPattern: Sendable, Hashable {
  /// The pattern as it was given.
  public let text: String

  /// Takes a pattern.
  public init(_ text: String) {
    self.text = text
  }

  /// Whether the pattern stands for the whole name, as `fnmatch(3)` has it.
  public func matches(_ name: TensorName) -> Bool {
    // SAFETY: both strings are NUL-terminated and outlive the call.
    unsafe text.withCString { pattern in
      unsafe name.string.withCString { name in unsafe fnmatch(pattern, name, 0) == 0 }
    }
  }
}
