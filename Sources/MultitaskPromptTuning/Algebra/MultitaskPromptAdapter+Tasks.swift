// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Kernels
internal import PEFT
public import Tensors

extension MultitaskPromptAdapter {
  /// Selects tasks, in this order; a task may be selected twice.
  ///
  /// The values do not change.
  ///
  /// - Parameter tasks: the tasks to keep, at least one, which become 0, 1, 2, …
  /// - Throws: `invalidArgument` for a task that does not exist, for no tasks, and for weights that
  ///   are not finite.
  /// - Complexity: O(bytes).
  public func selecting(tasks: [Int]) throws(CheckpointError) -> ComputedAdapter {
    guard !tasks.isEmpty else {
      throw CheckpointError(
        .invalidArgument, "no task would be left", path: adapter.directory.path)
    }
    for task in tasks { try checkTask(task) }
    try checkValues()
    return try computed(
      columns: try gathered(.columns, tasks: tasks), rows: try gathered(.rows, tasks: tasks),
      taskCount: tasks.count, rank: dimensions.rank)
  }

  /// Removes tasks.
  ///
  /// - Throws: as ``selecting(tasks:)``.
  public func dropping(tasks: [Int]) throws(CheckpointError) -> ComputedAdapter {
    for task in tasks { try checkTask(task) }
    let dropped = Set(tasks)
    return try selecting(tasks: (0..<dimensions.taskCount).filter { !dropped.contains($0) })
  }

  private func gathered(
    _ tensor: MultitaskPromptTensor, tasks: [Int]
  ) throws(CheckpointError) -> ComputedTensor {
    let info = adapter.weights.tensor(at: try adapter.weights.place(of: tensor))
    var shape = info.shape
    shape.dimensions[0] = UInt(tasks.count)
    return try ComputedTensor(
      info.name, dtype: info.dtype, shape: shape, bytes: try bytes(of: tensor, tasks: tasks))
  }

  /// The concatenated data of tasks.
  func bytes(
    of tensor: MultitaskPromptTensor, tasks: [Int]
  ) throws(CheckpointError) -> [UInt8] {
    let index = try adapter.weights.place(of: tensor)
    return try adapter.weights.withTensor(at: index) { view throws(CheckpointError) in
      let extents = view.shape.dimensions.map { 0..<Int($0) }
      var bytes: [UInt8] = []
      for task in tasks {
        bytes += try TensorSlice(view, [task..<task + 1] + extents.dropFirst()).copied()
      }
      return bytes
    }
  }
}
