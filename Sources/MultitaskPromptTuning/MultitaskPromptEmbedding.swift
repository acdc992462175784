// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Files
internal import Kernels
public import PEFT
public import Tensors

/// The embedding of a multitask prompt tuning adapter (PEFT's `MultitaskPromptEmbedding`).
///
/// The three tensors are used in place, in the memory map of the weights file, at any alignment.
public struct MultitaskPromptEmbedding: Sendable {
  /// The sizes: tasks, virtual tokens, rank and token dimension.
  public let dimensions: MultitaskPromptDimensions
  /// The config that the sizes come from.
  public let config: MultitaskPromptTuningConfig
  /// The archive that contains the tensors.
  public let weights: any TensorArchive

  private let columns: Int
  private let rows: Int
  private let embeddings: Int

  /// Creates an embedding from an adapter whose weights match its config.
  ///
  /// - Throws: `mismatch` or `missing` when the adapter has another method, or its config and
  ///   weights disagree; the message gives both sides.
  /// - Complexity: O(tensors); no tensor data is read.
  public init(_ adapter: Adapter) throws(CheckpointError) {
    weights = adapter.weights
    do throws(CheckpointError) {
      config = try MultitaskPromptTuningConfig(adapter.config)
    } catch {
      throw error.inFile(adapter.directory.configPath)
    }
    if let finding = config.weightFindings(in: weights).first(where: { $0.severity == .error }) {
      throw CheckpointError(
        .mismatch, finding.message, path: weights.path,
        remedy: .validate(adapter.directory.path))
    }
    do throws(CheckpointError) {
      dimensions = try config.dimensions(in: weights)
    } catch {
      throw error.inFile(adapter.directory.configPath)
    }
    columns = try Self.index(of: .columns, in: weights)
    rows = try Self.index(of: .rows, in: weights)
    embeddings = try Self.index(of: .embeddings, in: weights)
  }

  /// Opens an adapter directory.
  ///
  /// - Throws: as `init(_:)`, and what opening the directory throws.
  public init(path: String) throws(CheckpointError) {
    try self.init(try Adapter(path: path))
  }

  private static func index(
    of tensor: MultitaskPromptTensor, in weights: any TensorArchive
  ) throws(CheckpointError) -> Int {
    guard let index = weights.index(of: tensor.name) else {
      throw CheckpointError(
        .missing, "the weights have no \(tensor.rawValue)", path: weights.path)
    }
    return index
  }

  /// Calls a closure with the tensors.
  func withFactors<R>(
    _ body: (consuming PromptFactors) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    try weights.withTensor(at: columns) { columns throws(CheckpointError) in
      try weights.withTensor(at: rows) { rows throws(CheckpointError) in
        try weights.withTensor(at: embeddings) { embeddings throws(CheckpointError) in
          try body(PromptFactors(columns: columns, rows: rows, embeddings: embeddings))
        }
      }
    }
  }
}
