// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
internal import Files
internal import Kernels
internal import PEFT
internal import Tensors

/// The source checkpoint of a SOURCE initialisation.
struct PromptSource {
  private let archive: any TensorArchive
  private let target: MultitaskPromptDimensions

  /// Opens a checkpoint file, or the weights of an adapter directory.
  static func open(_ path: String) throws(CheckpointError) -> any TensorArchive {
    let isDirectory = PathKind.existing(path) == .directory
    let archive = try Checkpoint.open(
      path: isDirectory ? AdapterDirectory(path: path).weightsPath : path)
    try archive.requireDataOnly()
    return archive
  }

  /// Creates a source.
  ///
  /// - Parameter target: the sizes of the new adapter.
  init(_ archive: any TensorArchive, target: MultitaskPromptDimensions) {
    self.archive = archive
    self.target = target
  }

  /// Reads `prompt_embeddings`.
  func embeddings() throws(CheckpointError) -> ComputedTensor {
    let shape = target.shape(of: .embeddings)
    return try reading(.embeddings) { view, format throws(CheckpointError) in
      guard view.shape == shape else {
        throw Self.mismatch(.embeddings, view.shape, "\(shape)")
      }
      return try ComputedTensor(
        .embeddings, shape: shape, values: format.values(of: view.bytes), format: .float32)
    }
  }

  /// Computes the mean of a factor over the tasks.
  func mean(_ tensor: MultitaskPromptTensor) throws(CheckpointError) -> ComputedTensor {
    try reading(tensor) { view, format throws(CheckpointError) in
      let count = try taskCount(of: view, tensor)
      let values = TaskMean.values(of: view.bytes, format: format, taskCount: count)
      return try ComputedTensor(
        tensor, shape: target.shape(of: tensor), values: values, format: .float32)
    }
  }

  /// Reads the factor of one task. Negative ids count from the end, as in PEFT.
  func task(
    _ task: Int, of tensor: MultitaskPromptTensor
  ) throws(CheckpointError) -> ComputedTensor {
    try reading(tensor) { view, format throws(CheckpointError) in
      let count = try taskCount(of: view, tensor)
      guard (-count..<count).contains(task) else {
        throw .missing(task: task, of: count, in: "the source")
      }
      let index = task < 0 ? task + count : task
      let row = try view.rows(index..<index + 1)
      return try ComputedTensor(
        tensor, shape: target.shape(of: tensor), values: format.values(of: row.bytes),
        format: .float32)
    }
  }

  /// The number of tasks of a factor whose other dimensions are those of the target.
  private func taskCount(
    of view: TensorView, _ tensor: MultitaskPromptTensor
  ) throws(CheckpointError) -> Int {
    let inner = target.shape(of: tensor).dimensions.dropFirst()
    let extents = view.shape.dimensions
    guard extents.count == inner.count + 1, extents.dropFirst() == inner,
      let count = Int(exactly: extents[0]), count > 0
    else {
      let expected = inner.map { String($0) }.joined(separator: ", ")
      throw Self.mismatch(tensor, view.shape, "[tasks, \(expected)]")
    }
    return count
  }

  private static func mismatch(
    _ tensor: MultitaskPromptTensor, _ shape: Shape, _ expected: String
  ) -> CheckpointError {
    CheckpointError(
      .mismatch, "has the shape \(shape), but the config requires \(expected)", tensor: tensor.name)
  }

  /// Calls a closure with a tensor, after checking that its values are finite.
  private func reading<R>(
    _ tensor: MultitaskPromptTensor,
    _ body: (TensorView, FloatFormat) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    let index = try archive.place(of: tensor)
    do throws(CheckpointError) {
      return try archive.withTensor(at: index) { view throws(CheckpointError) in
        try body(view, try view.finiteFormat())
      }
    } catch {
      throw error.inFile(archive.path).naming(tensor: tensor.name)
    }
  }
}

extension TensorView {
  /// The element format of a tensor, all of whose values must be finite.
  ///
  /// - Throws: `unsupported` for another dtype, `invalidArgument` for a value that is NaN or
  ///   infinite.
  /// - Complexity: O(elements).
  func finiteFormat() throws(CheckpointError) -> FloatFormat {
    guard let format = FloatFormat(dtype) else {
      throw CheckpointError(.unsupported, "is \(dtype), not F64, F32, BF16 or F16")
    }
    for index in 0..<bytes.byteCount / format.byteCount {
      let value = format.value(of: index, in: bytes)
      guard value.isFinite else {
        throw .invalidArgument("is not finite at element \(index): \(value)")
      }
    }
    return format
  }
}
