// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Kernels
public import PEFT
public import Tensors

/// A multitask prompt tuning adapter whose weights match its config.
///
/// All operations on tasks start from this type. A derived adapter is a ``ComputedAdapter``, in
/// memory until it is written:
///
/// ```swift
/// let adapter = try MultitaskPromptAdapter(path: "my-adapter")
/// try adapter.selecting(tasks: [2, 0]).write(to: "two-tasks")
/// ```
public struct MultitaskPromptAdapter: Sendable {
  /// The directory, config and weights.
  public let adapter: Adapter
  /// The embedding, which computes prompts.
  public let embedding: MultitaskPromptEmbedding

  /// The config with typed fields.
  public var config: MultitaskPromptTuningConfig { embedding.config }
  /// The sizes: tasks, virtual tokens, rank and token dimension.
  public var dimensions: MultitaskPromptDimensions { embedding.dimensions }

  /// Creates a value from an open adapter.
  ///
  /// - Throws: `mismatch` or `missing` when the adapter has another method, or its config and
  ///   weights disagree.
  /// - Complexity: O(tensors); no tensor data is read.
  public init(_ adapter: Adapter) throws(CheckpointError) {
    embedding = try MultitaskPromptEmbedding(adapter)
    self.adapter = adapter
  }

  /// Opens an adapter directory.
  ///
  /// - Throws: as `init(_:)`, and what opening the directory throws.
  public init(path: String) throws(CheckpointError) {
    try self.init(try Adapter(path: path))
  }
}

extension MultitaskPromptAdapter {
  /// The tensors of the adapter other than the method's, such as heads, in file order.
  var companions: [ComputedTensor] {
    let own = Set(MultitaskPromptTensor.allCases.map(\.name))
    return (0..<adapter.weights.tensorCount).compactMap { index in
      let info = adapter.weights.tensor(at: index)
      guard !own.contains(info.name) else { return nil }
      return ComputedTensor(carrying: index, of: adapter.weights)
    }
  }

  /// A tensor of the adapter, to be copied.
  func carried(_ tensor: MultitaskPromptTensor) throws(CheckpointError) -> ComputedTensor {
    ComputedTensor(carrying: try adapter.weights.place(of: tensor), of: adapter.weights)
  }

  /// Refuses a task that the adapter does not have.
  ///
  /// - Throws: `invalidArgument`.
  func checkTask(_ task: Int) throws(CheckpointError) {
    guard (0..<dimensions.taskCount).contains(task) else {
      throw CheckpointError.missing(task: task, of: dimensions.taskCount)
        .inFile(adapter.directory.path)
    }
  }

  /// Refuses weights that are not finite.
  ///
  /// - Throws: `invalidArgument` naming the first tensor with a value that is NaN or infinite.
  /// - Complexity: O(bytes).
  func checkValues() throws(CheckpointError) {
    guard let finding = try adapter.weights.valueFindings().first else { return }
    throw CheckpointError(
      .invalidArgument, finding.message, path: adapter.weights.path, tensor: finding.tensor)
  }

  /// Refuses a tensor of the method that is not finite.
  ///
  /// - Throws: as `checkValues()`.
  func checkValues(of tensor: MultitaskPromptTensor) throws(CheckpointError) {
    let index = try adapter.weights.place(of: tensor)
    do throws(CheckpointError) {
      try adapter.weights.withTensor(at: index) { view throws(CheckpointError) in
        _ = try view.finiteFormat()
      }
    } catch {
      throw error.inFile(adapter.weights.path).naming(tensor: tensor.name)
    }
  }

  /// The element format of a tensor of the method.
  func format(of tensor: MultitaskPromptTensor) throws(CheckpointError) -> FloatFormat {
    let info = adapter.weights.tensor(at: try adapter.weights.place(of: tensor))
    guard let format = FloatFormat(info.dtype) else {
      throw CheckpointError(
        .unsupported, "is \(info.dtype), not F64, F32, BF16 or F16", path: adapter.weights.path,
        tensor: info.name)
    }
    return format
  }
}

extension TensorArchive {
  /// The index of a tensor of the method.
  ///
  /// - Throws: `missing`.
  func place(of tensor: MultitaskPromptTensor) throws(CheckpointError) -> Int {
    guard let index = index(of: tensor.name) else {
      throw CheckpointError(.missing, "has no tensor \"\(tensor.rawValue)\"", path: path)
    }
    return index
  }
}
