// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// The three tensors of multitask prompt tuning, borrowed in place.
///
/// | tensor | PEFT | shape |
/// |---|---|---|
/// | `columns` | `prefix_task_cols` | [tasks, positions, rank] |
/// | `rows` | `prefix_task_rows` | [tasks, rank, width] |
/// | `embeddings` | `prompt_embeddings` | [positions, width] |
///
/// Row-major, little endian, at any alignment; each in any of the four formats of `FloatFormat`.
public struct PromptFactors: ~Escapable {
  /// The number of tasks (`K`, PEFT's `num_tasks`).
  public let taskCount: Int
  /// The number of positions (`V`, PEFT's `num_virtual_tokens` times its submodules).
  public let positionCount: Int
  /// The number of columns that are summed over (`R`, PEFT's `num_ranks`).
  public let rank: Int
  /// The number of components of an embedding (`D`, PEFT's `token_dim`).
  public let width: Int

  let columns: RawSpan
  let rows: RawSpan
  let embeddings: RawSpan
  let columnsFormat: FloatFormat
  let rowsFormat: FloatFormat
  let embeddingsFormat: FloatFormat

  /// Checks the shapes of the three tensors against each other.
  ///
  /// - Throws: `unsupported` for a dtype that is not computed in, `mismatch` for shapes that do not
  ///   match.
  /// - Complexity: O(1).
  @_lifetime(copy columns, copy rows, copy embeddings)
  public init(
    columns: TensorView, rows: TensorView, embeddings: TensorView
  ) throws(CheckpointError) {
    columnsFormat = try Self.format(of: columns, "the task columns")
    rowsFormat = try Self.format(of: rows, "the task rows")
    embeddingsFormat = try Self.format(of: embeddings, "the prompt embeddings")
    let (c, r, e) = (columns.shape.dimensions, rows.shape.dimensions, embeddings.shape.dimensions)
    guard c.count == 3, r.count == 3, e.count == 2,
      c[0] == r[0], c[1] == e[0], c[2] == r[1], r[2] == e[1]
    else {
      throw CheckpointError(
        .mismatch,
        "columns \(columns.shape), rows \(rows.shape) and embeddings \(embeddings.shape) are not"
          + " [tasks, positions, rank], [tasks, rank, width] and [positions, width]")
    }
    guard let taskCount = Int(exactly: c[0]), let positionCount = Int(exactly: c[1]),
      let rank = Int(exactly: c[2]), let width = Int(exactly: r[2])
    else {
      throw CheckpointError(.unsupported, "an extent exceeds what this platform can count")
    }
    self.taskCount = taskCount
    self.positionCount = positionCount
    self.rank = rank
    self.width = width
    self.columns = columns.bytes
    self.rows = rows.bytes
    self.embeddings = embeddings.bytes
  }

  private static func format(
    of tensor: TensorView, _ name: String
  ) throws(CheckpointError) -> FloatFormat {
    guard let format = FloatFormat(tensor.dtype) else {
      throw CheckpointError(
        .unsupported, "\(name) are \(tensor.dtype), not F64, F32, BF16 or F16")
    }
    return format
  }
}
