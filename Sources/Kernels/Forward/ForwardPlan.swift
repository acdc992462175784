// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// A planned forward of multitask prompt tuning: the factors, tasks, indices and format.
///
/// Output row (b, l) is `embeddings[indices[b, l]] * (columns[k, l] · rows[k])`, with k the task of
/// b: the row of the task's product is l and not the index. The factors are first converted to the
/// output's format. F64 and F32 are computed in the same format; for BF16 and F16 the product is
/// accumulated in F32 and rounded, and the multiplication by the embedding, of two half numbers in
/// F32, is rounded again.
///
/// The sum runs over the rank in ascending order with one accumulator, multiplication and addition
/// rounded separately: the bits are the same at every instruction set and for every division of the
/// rows. torch does not specify its order of summation, so above rank 1 its last bits may differ; at
/// rank 1 and 0 the values are torch's. A NaN in the output is always the
/// positive quiet one; infinities, subnormals and signed zeros follow IEEE 754 under its default
/// rounding.
public struct ForwardPlan: ~Escapable {
  /// The tensors.
  public let factors: PromptFactors
  /// The number of prompts (`B`).
  public let batchCount: Int
  /// The number of rows of each prompt (`L`).
  public let sequenceLength: Int
  /// The format to compute in, and of the output.
  public let format: FloatFormat
  /// The size of the output in bytes.
  public let outputByteCount: Int

  let taskIDs: Span<Int>
  let indices: Span<Int>
  let operands: ForwardOperands

  /// Plans a forward.
  ///
  /// Task ids outside 0..<tasks and indices outside 0..<positions trap.
  ///
  /// - Parameters:
  ///   - factors: the prompt and the factors of the tasks.
  ///   - taskIDs: one for each prompt, or a single one for all.
  ///   - indices: [batchCount, sequenceLength], row-major.
  ///   - batchCount: the number of prompts.
  ///   - sequenceLength: the number of positions; with one position, any length.
  ///   - format: the format to compute in.
  /// - Throws: `invalidArgument` when the counts do not match or the output is too large to count.
  /// - Complexity: O(batchCount * sequenceLength), and the conversion of factors that are stored in
  ///   another format.
  @_lifetime(copy factors, copy taskIDs, copy indices)
  public init(
    _ factors: consuming PromptFactors, taskIDs: Span<Int>, indices: Span<Int>, batchCount: Int,
    sequenceLength: Int, format: FloatFormat
  ) throws(CheckpointError) {
    precondition(batchCount >= 0 && sequenceLength >= 0, "counts are not negative")
    guard taskIDs.count == 1 || taskIDs.count == batchCount else {
      throw .invalidArgument("\(taskIDs.count) task ids for a batch of \(batchCount)")
    }
    let positions = factors.positionCount
    guard sequenceLength == positions || positions == 1 else {
      throw .invalidArgument(
        "\(sequenceLength) indices in a row, where the adapter has \(positions) positions")
    }
    let (rows, overflow) = batchCount.multipliedReportingOverflow(by: sequenceLength)
    guard !overflow else { throw Self.tooLarge }
    guard indices.count == rows else {
      throw .invalidArgument(
        "\(indices.count) indices for [\(batchCount), \(sequenceLength)]")
    }
    for index in taskIDs.indices {
      precondition(0..<factors.taskCount ~= taskIDs[index], "task id out of range")
    }
    for index in indices.indices {
      precondition(0..<positions ~= indices[index], "index out of range")
    }
    operands = ForwardOperands(factors, taskIDs: taskIDs, format: format)
    self.factors = factors
    self.batchCount = batchCount
    self.sequenceLength = sequenceLength
    self.format = format
    self.outputByteCount = try Self.byteCount(
      rows: rows, width: factors.width, format: format)
    self.taskIDs = taskIDs
    self.indices = indices
  }

  /// The size of an output with this many rows, in bytes.
  ///
  /// - Throws: `invalidArgument` when it is too large to count.
  public static func byteCount(
    rows: Int, width: Int, format: FloatFormat
  ) throws(CheckpointError) -> Int {
    let elements = rows.multipliedReportingOverflow(by: width)
    let bytes = elements.partialValue.multipliedReportingOverflow(by: format.byteCount)
    guard !elements.overflow, !bytes.overflow else { throw tooLarge }
    return bytes.partialValue
  }

  private static var tooLarge: CheckpointError {
    .invalidArgument("the output is too large to count its bytes")
  }

  /// The number of output rows, batchCount * sequenceLength.
  public var rowCount: Int { indices.count }

  /// The size of one output row in bytes; 0 without rows, which may have any width.
  var rowByteCount: Int { rowCount == 0 ? 0 : outputByteCount / rowCount }

  /// The offsets of the operands of an output row, counted in elements of their tensors.
  struct RowPlace {
    var task: Int
    var columns: Int
    var rows: Int
    var embedding: Int
  }

  func place(ofRow row: Int) -> RowPlace {
    let task = taskIDs[taskIDs.count == 1 ? 0 : row / sequenceLength]
    let position = factors.positionCount == 1 ? 0 : row % sequenceLength
    // The offsets are in tensors whose sizes are known to fit. If a dimension is zero the tensor is
    // empty, the product may overflow, and nothing is read.
    return RowPlace(
      task: task,
      columns: (task &* factors.positionCount &+ position) &* factors.rank,
      rows: task &* factors.rank &* factors.width,
      embedding: indices[row] &* factors.width)
  }
}
