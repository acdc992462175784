// SPDX-License-Identifier: Apache-2.0
internal import CKernels
internal import Tensors

extension RawSpan {
  /// Copies a matrix transposed to the start of `target`: columns become rows without gaps.
  ///
  /// - Parameters:
  ///   - rowCount: the number of rows of this matrix.
  ///   - width: the number of columns.
  ///   - stride: the distance of rows, in elements, at least the width.
  ///   - elementByteCount: 1, 2, 4 or 8.
  ///   - target: memory for all elements. Less memory, or bytes that end before the last element,
  ///     trap.
  /// - Complexity: O(elements), no allocation.
  package func copyTransposed(
    rowCount: Int, width: Int, stride: Int, elementByteCount: Int, to target: inout MutableRawSpan
  ) {
    guard rowCount > 0, width > 0 else { return }
    precondition([1, 2, 4, 8].contains(elementByteCount) && stride >= width)
    precondition(
      rowCount - 1 <= (byteCount / elementByteCount - width) / stride
        && width <= byteCount / elementByteCount, "the matrix ends after the bytes")
    precondition(
      rowCount <= target.byteCount / elementByteCount / width, "the target is too small")
    // SAFETY: the last element of either matrix is inside its bytes, checked above. They do not
    // overlap: `target` is borrowed exclusively. The kernel takes any alignment.
    unsafe withUnsafeBytes { from in
      unsafe target.withUnsafeMutableBytes { to in
        guard let start = from.baseAddress, let place = to.baseAddress else { return }
        unsafe ck_transpose(place, rowCount, start, stride, rowCount, width, elementByteCount)
      }
    }
  }
}
