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
    // To C a NUL ends the name; no pattern names it, or the control character in its place.
    let name =
      name.string.utf8.contains(0)
      ? String(name.string.unicodeScalars.map { $0.value == 0 ? "\u{1}" : Character($0) })
      : name.string
    // SAFETY: both strings are NUL-terminated and outlive the call.
    return unsafe text.withCString { pattern in
      unsafe name.withCString { name in unsafe fnmatch(pattern, name, 0) == 0 }
    }
  }
}
