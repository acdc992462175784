// SPDX-License-Identifier: Apache-2.0
internal import Concurrency
internal import CKernels

extension ForwardPlan {
  /// Computes some of the output rows, appending them to `output`.
  ///
  /// - Parameters:
  ///   - rows: rows of the output, [batchCount * sequenceLength, width]. Others may be computed at
  ///     the same time elsewhere.
  ///   - output: memory for as many rows in `format`, at any alignment; less memory traps. Large
  ///     outputs are written fastest to memory that starts at a multiple of 64.
  ///   - implementation: the kernels to use; the fastest that this CPU has by default.
  ///   - threadCount: the largest number of threads, including the caller's; nil for as many as
  ///     there are CPUs if there is enough work.
  /// - Complexity: O(rows * rank * width) at most: prompts of the same task share its products.
  @_lifetime(output: copy output)
  public func run(
    rows: Range<Int>, into output: inout OutputRawSpan,
    implementation: KernelImplementation = .automatic, threadCount: Int? = nil
  ) {
    precondition(0 <= rows.lowerBound && rows.upperBound <= rowCount, "rows out of range")
    precondition(
      rows.count * rowByteCount <= output.freeCapacity, "the output is too small for the rows")
    precondition((threadCount ?? 1) > 0, "there is at least the caller's thread")
    guard let set = implementation.instructionSet else {
      runReference(rows: rows, into: &output)
      return
    }
    guard rowByteCount > 0 else { return }
    for section in ForwardSection.sections(of: rows, length: kernelLength) {
      runSection(section, into: &output, instructionSet: set, threadCount: threadCount)
    }
  }

  /// Computes the whole output, [batchCount, sequenceLength, width] in `format`, appending it.
  ///
  /// - Parameters:
  ///   - output: as for `run(rows:into:)`.
  ///   - implementation: as for `run(rows:into:)`.
  ///   - threadCount: as for `run(rows:into:)`.
  /// - Complexity: O(rowCount * rank * width) at most.
  @_lifetime(output: copy output)
  public func run(
    into output: inout OutputRawSpan, implementation: KernelImplementation = .automatic,
    threadCount: Int? = nil
  ) {
    run(
      rows: 0..<rowCount, into: &output, implementation: implementation, threadCount: threadCount)
  }

  /// Computes the whole output, [batchCount, sequenceLength, width] in `format`, in memory that is
  /// reused.
  ///
  /// - Complexity: O(rowCount * rank * width) at most.
  public func pooledOutput(
    implementation: KernelImplementation = .automatic, threadCount: Int? = nil
  ) -> ForwardOutput {
    ForwardOutput(byteCount: outputByteCount) { bytes in
      run(into: &bytes, implementation: implementation, threadCount: threadCount)
    }
  }

  /// Computes the whole output, as an array.
  ///
  /// - Complexity: O(rowCount * rank * width) at most.
  public func output(
    implementation: KernelImplementation = .automatic, threadCount: Int? = nil
  ) -> [UInt8] {
    [UInt8](capacity: outputByteCount) { bytes in
      run(into: &bytes, implementation: implementation, threadCount: threadCount)
    }
  }

  @_lifetime(output: copy output)
  private func runSection(
    _ section: ForwardSection, into output: inout OutputRawSpan, instructionSet: InstructionSet,
    threadCount: Int?
  ) {
    let (prompts, taskRuns) = taskRuns(of: section)
    let rowCount = section.prompts.count * section.positions.count
    var job = unsafe ck_forward_job()
    unsafe job.task_run_count = taskRuns.count
    unsafe job.prompt_count = prompts.count
    unsafe job.length = kernelLength
    unsafe job.rank = factors.rank
    unsafe job.width = factors.width
    unsafe job.position = section.positions.lowerBound
    unsafe job.position_end = section.positions.upperBound
    unsafe job.first_row = section.prompts.lowerBound * kernelLength + section.positions.lowerBound
    unsafe job.format = format.rawValue
    let threads = threadCount ?? Self.threadCount(elements: rowCount * factors.width, factors.rank)
    // SAFETY: the kernel reads the elements that prompts, task runs and indices point to, which are in
    // the tensors: the plan has checked ids and indices. The caller has checked the size of the output.
    unsafe output.withUnsafeMutableBytes { buffer, initialized in
      guard let start = buffer.baseAddress else { return }
      unsafe job.output = start + initialized
      unsafe withOperands { columns, rows, embeddings in
        unsafe job.columns = columns
        unsafe job.rows = rows
        unsafe job.embeddings = embeddings
        unsafe indices.withUnsafeBufferPointer { indices in
          unsafe job.indices = indices.baseAddress
          unsafe prompts.withUnsafeBufferPointer { prompts in
            unsafe job.prompts = prompts.baseAddress
            unsafe taskRuns.withUnsafeBufferPointer { taskRuns in
              unsafe job.task_runs = taskRuns.baseAddress
              unsafe ck_forward_prepare(&job)
              let scratch = unsafe UnsafeMutableRawPointer.allocate(
                byteCount: threads * job.scratch_bytes, alignment: 64)
              defer { unsafe scratch.deallocate() }
              unsafe ck_forward(&job, instructionSet.rawValue, threads, scratch)
            }
          }
        }
      }
      initialized += rowCount * rowByteCount
    }
  }

  /// Calls a closure with the factors in the format of the computation.
  private func withOperands(
    _ body: (UnsafeRawPointer?, UnsafeRawPointer?, UnsafeRawPointer?) -> Void
  ) {
    let (factors, operands) = (factors, operands)
    // SAFETY: the pointers are lent on, within the calls.
    unsafe Self.withBytes(operands.columns, or: factors.columns) { columns in
      unsafe Self.withBytes(operands.rows, or: factors.rows) { rows in
        unsafe Self.withBytes(operands.embeddings, or: factors.embeddings) { embeddings in
          unsafe body(columns, rows, embeddings)
        }
      }
    }
  }

  private static func withBytes(
    _ converted: [UInt8]?, or bytes: RawSpan, _ body: (UnsafeRawPointer?) -> Void
  ) {
    // SAFETY: the pointer is used within the call, and its user knows the count.
    if let converted {
      unsafe converted.withUnsafeBytes { unsafe body($0.baseAddress) }
    } else {
      unsafe bytes.withUnsafeBytes { unsafe body($0.baseAddress) }
    }
  }

  /// The number of CPUs if there is enough work for as many threads, else less.
  private static func threadCount(elements: Int, _ rank: Int) -> Int {
    elements >= 1 << 18 / max(1, rank / 4) ? AvailableCPUs.count : 1
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
