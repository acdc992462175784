// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The factors in the format of the computation: used in place if they have it, otherwise converted
/// once.
struct ForwardOperands {
  /// The tasks that occur, in ascending order; only their factors are converted.
  private let tasks: [Int]
  /// [tasks, positions, rank] and [tasks, rank, width] of those tasks, [positions, width]; nil if
  /// the tensor is used in place.
  let columns: [UInt8]?
  let rows: [UInt8]?
  let embeddings: [UInt8]?

  init(_ factors: borrowing PromptFactors, taskIDs: Span<Int>, format: FloatFormat) {
    let (c, r, e) = (factors.columnsFormat, factors.rowsFormat, factors.embeddingsFormat)
    guard c != format || r != format || e != format else {
      (tasks, columns, rows, embeddings) = ([], nil, nil, nil)
      return
    }
    var used: Set<Int> = []
    for index in taskIDs.indices { used.insert(taskIDs[index]) }
    tasks = used.sorted()
    columns =
      c == format
      ? nil
      : Self.convert(
        factors.columns, tasks, count: factors.positionCount &* factors.rank, from: c, to: format)
    rows =
      r == format
      ? nil
      : Self.convert(
        factors.rows, tasks, count: factors.rank &* factors.width, from: r, to: format)
    embeddings = e == format ? nil : convertElements(factors.embeddings, from: e, to: format)
  }

  /// The elements of some tasks, concatenated.
  private static func convert(
    _ tensor: RawSpan, _ tasks: [Int], count: Int, from stored: FloatFormat, to format: FloatFormat
  ) -> [UInt8] {
    // An empty tensor may have any dimensions.
    guard tensor.byteCount > 0 else { return [] }
    return [UInt8](capacity: tasks.count * count * format.byteCount) { output in
      for task in tasks {
        let elements = tensor.element(task * count, count: count, size: stored.byteCount)
        convertElements(elements, from: stored, to: format, into: &output)
      }
    }
  }

  /// The offset of a task's elements, counted in tasks.
  func place(of task: Int, in converted: [UInt8]?) -> Int {
    converted == nil ? task : tasks.firstIndex(of: task) ?? 0
  }
}
