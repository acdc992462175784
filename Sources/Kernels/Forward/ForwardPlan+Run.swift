internal import CKernels

extension ForwardPlan {
  /// Computes some of the output rows, appending them to `output`.
  ///
  /// - Parameters:
  ///   - rows: rows of the output, [batchCount * sequenceLength, width]. Others may be computed at
  ///     the same time elsewhere.
  ///   - output: room for as many rows in `format`; less is a caller's bug and traps.
  /// - Complexity: O(rows * rank * width), no allocation.
  @_lifetime(output: copy output)
  public func run(
    rows: Range<Int>, into output: inout OutputRawSpan,
    implementation: KernelImplementation = .automatic
  ) {
    precondition(0 <= rows.lowerBound && rows.upperBound <= rowCount, "rows out of range")
    precondition(
      rows.count * rowByteCount <= output.freeCapacity, "the output is too small for the rows")
    guard let set = implementation.instructionSet else {
      runReference(rows: rows, into: &output)
      return
    }
    let rowByteCount = rowByteCount
    guard rowByteCount > 0 else { return }
    // SAFETY: the room is checked above; `initialized` grows by what the kernel wrote.
    unsafe output.withUnsafeMutableBytes { buffer, initialized in
      for row in rows {
        guard let start = buffer.baseAddress else { return }
        unsafe runRow(row, into: start + initialized, instructionSet: set)
        initialized += rowByteCount
      }
    }
  }

  /// Computes the whole output, [batchCount, sequenceLength, width] in `format`, appending it.
  ///
  /// - Complexity: O(rowCount * rank * width), no allocation.
  @_lifetime(output: copy output)
  public func run(
    into output: inout OutputRawSpan, implementation: KernelImplementation = .automatic
  ) {
    run(rows: 0..<rowCount, into: &output, implementation: implementation)
  }

  /// Computes the whole output, [batchCount, sequenceLength, width] in `format`.
  ///
  /// - Complexity: O(rowCount * rank * width).
  public func output(implementation: KernelImplementation = .automatic) -> [UInt8] {
    [UInt8](capacity: outputByteCount) { bytes in
      run(into: &bytes, implementation: implementation)
    }
  }

  /// - Parameter output: room for one row, not within the operands.
  private func runRow(
    _ row: Int, into output: UnsafeMutableRawPointer, instructionSet: InstructionSet
  ) {
    let factors = factors
    let place = place(ofRow: row)
    let columns = factors.columns.element(
      place.columns, count: factors.rank, size: factors.columnsFormat.byteCount)
    let rows = factors.rows.element(
      place.rows, count: factors.rank &* factors.width, size: factors.rowsFormat.byteCount)
    let embedding = factors.embeddings.element(
      place.embedding, count: factors.width, size: factors.embeddingsFormat.byteCount)
    // SAFETY: each operand's bytes are exactly what the kernel reads of it: the bounds are checked
    // where they are cut out. The caller vouches for `output`.
    unsafe columns.withUnsafeBytes { columns in
      unsafe rows.withUnsafeBytes { rows in
        unsafe embedding.withUnsafeBytes { embedding in
          var job = unsafe ck_forward_row(
            columns: columns.baseAddress, rows: rows.baseAddress,
            embedding: embedding.baseAddress, output: output, rank: factors.rank,
            width: factors.width, columns_format: factors.columnsFormat.rawValue,
            rows_format: factors.rowsFormat.rawValue,
            embedding_format: factors.embeddingsFormat.rawValue, output_format: format.rawValue)
          unsafe ck_forward(&job, instructionSet.rawValue)
        }
      }
    }
  }
}

extension RawSpan {
  /// The bytes of `count` elements from element `start`; no bytes when there are none.
  @_lifetime(copy self)
  func element(_ start: Int, count: Int, size: Int) -> RawSpan {
    guard count > 0 else { return extracting(0..<0) }
    return extracting(start * size..<(start + count) * size)
  }
}
