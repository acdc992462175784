extension ForwardPlan {
  /// Compares a reference output with this forward.
  ///
  /// Up to rank 1 nothing is summed and every value must be equal. Above, the order of summation is
  /// the reference's own, and both sides must keep within the rounding error that any order can
  /// make. Where BF16 arithmetic that takes subnormal numbers for zero, or an overflow on the way,
  /// explains a difference, it is accepted and counted; an element that depends on an infinite or
  /// NaN factor is counted as not comparable unless equal.
  ///
  /// - Parameters:
  ///   - reference: [batchCount, sequenceLength, width] in `format`, little endian, at any
  ///     alignment. Another number of bytes is a caller's bug and traps.
  ///   - implementation: of the forward and of the bound. They agree in what they accept; the
  ///     shares of the bound that they report may differ by a relative 2^-20.
  /// - Complexity: O(rowCount * rank * width), and O(rank * width) memory.
  public func verify(
    _ reference: RawSpan, implementation: KernelImplementation = .automatic
  ) -> ForwardReport {
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
