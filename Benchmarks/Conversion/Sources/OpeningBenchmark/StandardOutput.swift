// SPDX-License-Identifier: Apache-2.0
#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Sends what was printed on its way: whoever reads a pipe waits for it.
func flushStandardOutput() {
  fflush(nil)
}
