// SPDX-License-Identifier: Apache-2.0
internal import CKernels

/// The number of leading bytes that are equal, found at the speed of memory.
///
/// Spans of different lengths trap.
package func equalPrefixByteCount(_ left: RawSpan, _ right: RawSpan) -> Int {
  precondition(left.byteCount == right.byteCount, "runs of different lengths")
  // SAFETY: both spans have the same length, checked above, and are only read.
  return unsafe left.withUnsafeBytes { l in
    unsafe right.withUnsafeBytes { r in
      unsafe ck_equal_prefix(l.baseAddress, r.baseAddress, l.count)
    }
  }
}
