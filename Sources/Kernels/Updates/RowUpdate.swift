// SPDX-License-Identifier: Apache-2.0
internal import CKernels
internal import Concurrency
internal import Tensors

/// The update of rows of a weight in place: a product of two factors is added to them, or they are
/// replaced by computed rows, and the results are rounded to the format of the weight.
///
/// All but the weight are accumulators: F64 for an F64 weight, else F32. Sums are taken with r
/// ascending, each step rounded, so that the results have the same bits at every instruction set.
package struct RowUpdate: Sendable {
  /// The format of the weight.
  package let format: FloatFormat
  /// The number of columns of the weight.
  package let width: Int
  /// The implementation that computes.
  package let implementation: KernelImplementation
  /// The most threads to compute on. The results do not depend on it.
  package let threadCount: Int

  /// Describes the updates of rows.
  ///
  /// - Parameters:
  ///   - format: the format of the weight.
  ///   - width: the number of its columns.
  ///   - implementation: the implementation that computes.
  ///   - threadCount: the most threads to compute on.
  package init(
    format: FloatFormat, width: Int, implementation: KernelImplementation = .automatic,
    threadCount: Int = AvailableCPUs.count
  ) {
    precondition(threadCount > 0, "a thread is needed")
    self.threadCount = threadCount
    self.format = format
    self.width = width
    self.implementation = implementation
  }

  /// The format of the accumulators.
  package var accumulator: FloatFormat { Self.accumulator(of: format) }

  /// The format that updates of a weight are computed in.
  package static func accumulator(of format: FloatFormat) -> FloatFormat {
    format == .float64 ? .float64 : .float32
  }

  /// The size of a row of the weight in bytes.
  package var rowByteCount: Int { width * format.byteCount }

  /// Adds changes to rows: addend + left · right.
  ///
  /// - Parameters:
  ///   - rows: whole rows of the weight, which become the results.
  ///   - left: the factor of these rows, [rows, rank].
  ///   - right: the other factor, [rank, width].
  ///   - rank: the rank, which may be 0.
  ///   - addend: [rows, width]; empty for 0.
  ///   - roundsChange: whether the change is rounded to the format before it is added.
  /// - Returns: what rounding left of the changes.
  package func add(
    to rows: inout MutableRawSpan, left: RawSpan, right: RawSpan, rank: Int,
    addend: RawSpan = RawSpan(), roundsChange: Bool = false, scratch: inout UpdateScratch
  ) -> UpdateSums {
    let rowCount = check(rows.byteCount, left, right, rank, addend)
    guard let set = implementation.instructionSet else {
      return ReferenceUpdate(self, rowCount: rowCount).add(
        to: &rows, left: left, right: right, rank: rank, addend: addend,
        roundsChange: roundsChange)
    }
    var job = unsafe ck_update_job()
    unsafe job.rounds_change = roundsChange ? 1 : 0
    // SAFETY: the rows are borrowed exclusively, and each element is read before it is written.
    return unsafe rows.withUnsafeMutableBytes { rows in
      unsafe run(
        job, from: UnsafeRawPointer(rows.baseAddress), into: rows.baseAddress, rowCount, left,
        right,
        rank, addend, &scratch, set)
    }
  }

  /// Computes rows of the weight + left · right as accumulators, without rounding them to the format.
  ///
  /// - Parameters:
  ///   - rows: whole rows of the weight.
  ///   - totals: memory for as many rows of accumulators.
  package func total(
    of rows: RawSpan, left: RawSpan, right: RawSpan, rank: Int, addend: RawSpan = RawSpan(),
    into totals: inout MutableRawSpan, scratch: inout UpdateScratch
  ) {
    let rowCount = check(rows.byteCount, left, right, rank, addend)
    precondition(totals.byteCount == rowCount * width * accumulator.byteCount)
    guard let set = implementation.instructionSet else {
      return ReferenceUpdate(self, rowCount: rowCount).total(
        of: rows, left: left, right: right, rank: rank, addend: addend, into: &totals)
    }
    var job = unsafe ck_update_job()
    unsafe job.makes_totals = 1
    // SAFETY: `totals` has a number for each element, and is borrowed exclusively.
    unsafe rows.withUnsafeBytes { rows in
      _ = unsafe totals.withUnsafeMutableBytes { totals in
        unsafe run(
          job, from: rows.baseAddress, into: totals.baseAddress, rowCount, left, right, rank,
          addend,
          &scratch, set)
      }
    }
  }

  /// Runs the kernel on the weight + left · right + addend.
  ///
  /// - Parameters:
  ///   - job: what is done with the sums.
  ///   - weight: rows of the weight; nil for none.
  ///   - output: as many rows of results; nil for none.
  private func run(
    _ job: ck_update_job, from weight: UnsafeRawPointer?, into output: UnsafeMutableRawPointer?,
    _ rowCount: Int, _ left: RawSpan, _ right: RawSpan, _ rank: Int, _ addend: RawSpan,
    _ scratch: inout UpdateScratch, _ set: InstructionSet
  ) -> UpdateSums {
    let threads = threads(rowCount, rank)
    scratch.reserve(rowCount, self, rank, threads)
    var sums = ck_update_sums()
    // SAFETY: the callers have checked the sizes of all operands, and the scratch memory is that of the
    // rank. No operand but the output is written.
    unsafe left.withUnsafeBytes { left in
      unsafe right.withUnsafeBytes { right in
        unsafe addend.withUnsafeBytes { addend in
          unsafe scratch.numbers.withUnsafeMutableBytes { scratch in
            guard let weight = unsafe weight, let output = unsafe output else { return }
            var job = unsafe filled(job, weight, output, rowCount: rowCount)
            unsafe job.left = left.baseAddress
            unsafe job.right = right.baseAddress
            unsafe job.addend = addend.isEmpty ? nil : addend.baseAddress
            unsafe job.scratch = scratch.baseAddress
            unsafe job.rank = rank
            unsafe ck_update(&job, &sums, set.rawValue, threads)
          }
        }
      }
    }
    return UpdateSums(sums)
  }

  /// Replaces rows by computed ones, each element times a factor.
  ///
  /// - Parameters:
  ///   - rows: whole rows of the weight, which become the results.
  ///   - totals: the computed rows, accumulators.
  ///   - rowFactors: the factor of each row; empty for 1.
  ///   - columnFactors: the factor of each column; empty for those of the rows.
  /// - Returns: what rounding left of the changes, the differences of the computed rows and the weight.
  package func replace(
    _ rows: inout MutableRawSpan, by totals: RawSpan, rowFactors: RawSpan = RawSpan(),
    columnFactors: RawSpan = RawSpan(), scratch: inout UpdateScratch
  ) -> UpdateSums {
    let size = accumulator.byteCount
    let rowCount = rowByteCount == 0 ? 0 : rows.byteCount / rowByteCount
    precondition(rows.byteCount == rowCount * rowByteCount, "an update takes whole rows")
    precondition(totals.byteCount == rowCount * width * size, "every element has a total")
    precondition(rowFactors.isEmpty || rowFactors.byteCount == rowCount * size)
    precondition(columnFactors.isEmpty || columnFactors.byteCount == width * size)
    guard let set = implementation.instructionSet else {
      return ReferenceUpdate(self, rowCount: rowCount).replace(
        &rows, by: totals, rowFactors: rowFactors, columnFactors: columnFactors)
    }
    let threads = threads(rowCount, 0)
    scratch.reserve(rowCount, self, 0, threads)
    var sums = ck_update_sums()
    // SAFETY: the sizes of all operands are checked above, and the scratch memory is that of the rows. The
    // rows are borrowed exclusively.
    unsafe rows.withUnsafeMutableBytes { rows in
      unsafe totals.withUnsafeBytes { totals in
        unsafe rowFactors.withUnsafeBytes { rowFactors in
          unsafe columnFactors.withUnsafeBytes { columnFactors in
            unsafe scratch.numbers.withUnsafeMutableBytes { scratch in
              guard let start = rows.baseAddress else { return }
              var job = unsafe filled(ck_update_job(), start, start, rowCount: rowCount)
              unsafe job.totals = totals.baseAddress
              unsafe job.row_factors = rowFactors.isEmpty ? nil : rowFactors.baseAddress
              unsafe job.column_factors = columnFactors.isEmpty ? nil : columnFactors.baseAddress
              unsafe job.scratch = scratch.baseAddress
              unsafe ck_update(&job, &sums, set.rawValue, threads)
            }
          }
        }
      }
    }
    return UpdateSums(sums)
  }

  /// Adds the squares of computed rows to the sums of their rows, or of the columns, in F64.
  ///
  /// - Parameters:
  ///   - totals: whole rows of accumulators.
  ///   - squares: a sum for each row, or for each column.
  ///   - isByColumn: whether there is a sum for each column.
  package func addSquares(of totals: RawSpan, to squares: inout [Double], isByColumn: Bool) {
    let rowCount = width == 0 ? 0 : totals.byteCount / (width * accumulator.byteCount)
    precondition(totals.byteCount == rowCount * width * accumulator.byteCount)
    precondition(squares.count == (isByColumn ? width : rowCount), "every sum has a place")
    let isF64: Int32 = accumulator == .float64 ? 1 : 0
    // SAFETY: the sizes are checked above.
    unsafe totals.withUnsafeBytes { totals in
      unsafe squares.withUnsafeMutableBufferPointer { squares in
        unsafe ck_add_squares(
          totals.baseAddress, isF64, rowCount, width, isByColumn ? nil : squares.baseAddress,
          isByColumn ? squares.baseAddress : nil)
      }
    }
  }

  /// The number of threads: more than one only for work that is worth waking another.
  private func threads(_ rowCount: Int, _ rank: Int) -> Int {
    let elementCount = rowCount * width
    return elementCount < Self.parallelElementCount / (rank + 8) ? 1 : threadCount
  }

  /// The number of elements, each with a rank of 1, that are worth a second thread.
  private static let parallelElementCount = 1 << 22

  /// The number of rows, whose operands have the sizes that fit it; others trap.
  private func check(
    _ byteCount: Int, _ left: RawSpan, _ right: RawSpan, _ rank: Int, _ addend: RawSpan
  ) -> Int {
    let size = accumulator.byteCount
    let rowCount = rowByteCount == 0 ? 0 : byteCount / rowByteCount
    precondition(byteCount == rowCount * rowByteCount, "an update takes whole rows")
    precondition(left.byteCount == rowCount * rank * size, "the left factor is that of the rows")
    precondition(right.byteCount == rank * width * size, "the right factor has the width")
    precondition(addend.isEmpty || addend.byteCount == rowCount * width * size)
    return rowCount
  }

  /// A job with its rows and their description.
  private func filled(
    _ job: ck_update_job, _ weight: UnsafeRawPointer, _ output: UnsafeMutableRawPointer,
    rowCount: Int
  ) -> ck_update_job {
    var job = unsafe job
    unsafe job.weight = weight
    unsafe job.output = output
    unsafe job.rows = rowCount
    unsafe job.width = width
    unsafe job.format = format.rawValue
    return unsafe job
  }
}

/// The memory that updates work in, kept from one to the next.
package struct UpdateScratch: Sendable {
  fileprivate var numbers: [Double] = []

  /// Memory of no size, which grows when it is needed.
  package init() {}

  fileprivate mutating func reserve(
    _ rowCount: Int, _ update: RowUpdate, _ rank: Int, _ threads: Int
  ) {
    let count = ck_update_scratch(rowCount, update.width, rank, threads) / 8
    if numbers.count < count { numbers = [Double](repeating: 0, count: count) }
  }
}
