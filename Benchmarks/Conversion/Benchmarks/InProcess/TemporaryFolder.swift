// SPDX-License-Identifier: Apache-2.0
#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The folder that TMPDIR names, or the usual one.
var temporaryFolder: String {
  getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
}
