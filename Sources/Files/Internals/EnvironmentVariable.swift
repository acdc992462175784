// SPDX-License-Identifier: Apache-2.0
#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Glibc
#endif

/// The variables of the environment.
public enum EnvironmentVariable {
  /// The value of a variable; nil when it is not set, or not UTF-8.
  public static func value(_ name: String) -> String? {
    // SAFETY: getenv returns nil or a NUL-terminated string, which nothing in the process changes.
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(validatingCString: value)
  }
}
