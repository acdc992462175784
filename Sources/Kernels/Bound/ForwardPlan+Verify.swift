// SPDX-License-Identifier: Apache-2.0
extension ForwardPlan {
  /// Compares a reference output with this forward.
  ///
  /// Up to rank 1 nothing is summed and every value must be equal. Above, the reference may sum in any
  /// order, and both sides must be within the rounding error that any order can make. A difference
  /// that BF16 arithmetic with subnormals treated as zero, or an intermediate overflow, explains is
  /// accepted and counted; an element that depends on an infinite or
  /// NaN factor is counted as not comparable unless equal.
  ///
  /// - Parameters:
  ///   - reference: [batchCount, sequenceLength, width] in `format`, little endian, at any
  ///     alignment. Another number of bytes traps.
  ///   - implementation: that of the forward and of the bound. All accept the same outputs; the
  ///     reported shares of the bound may differ by a relative 2^-20.
  /// - Complexity: O(rowCount * rank * width), and O(rank * width) memory.
  public func verify(
    _ reference: RawSpan, implementation: KernelImplementation = .automatic
  ) -> NumericReport {
    precondition(reference.byteCount == outputByteCount, "the reference must match the output")
    var verifier = ForwardVerifier(self, instructionSet: implementation.instructionSet)
    let rowsAtOnce = max(1, 65536 / max(1, rowByteCount))
    var start = 0
    while start < rowCount {
      let rows = start..<min(start + rowsAtOnce, rowCount)
      let theirs = reference.extracting(
        rows.lowerBound * rowByteCount..<rows.upperBound * rowByteCount)
      let ours = [UInt8](capacity: rows.count * rowByteCount) { bytes in
        run(rows: rows, into: &bytes, implementation: implementation)
      }
      // SAFETY: bytes have no padding.
      unsafe verifier.verify(self, rows: rows, theirs: theirs, ours: ours.span.bytes)
      start = rows.upperBound
    }
    return verifier.report
  }
}
