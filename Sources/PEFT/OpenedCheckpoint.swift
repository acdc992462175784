// SPDX-License-Identifier: Apache-2.0
public import Checkpoints
public import Archives
internal import DistributedCheckpoint
internal import Files
public import Tensors

/// An open checkpoint: a file, an adapter directory, a model directory or a distributed checkpoint.
public enum OpenedCheckpoint: Sendable {
  /// A checkpoint file, an index with its shards, or a directory with a distributed checkpoint.
  case file(any TensorArchive)
  /// An adapter directory.
  case adapter(Adapter)
  /// A model directory.
  case model(Model)

  /// Opens a path, each file at most once; no tensor data is read.
  ///
  /// - Parameters:
  ///   - path: a checkpoint file, an index of shards, or the directory of an adapter or a model.
  ///   - replacesStaleIndex: as that of `ShardedArchive`, for a model directory.
  /// - Throws: what `Checkpoint.open`, `Adapter` and `Model` throw; `missing` when a directory is
  ///   neither an adapter nor a model.
  /// - Complexity: O(config + header of the weights).
  public init(
    path: String, replacesStaleIndex: Bool = false
  ) throws(CheckpointError) {
    guard
      let checkpoint = try Self(existing: path, replacesStaleIndex: replacesStaleIndex)
    else { throw AdapterDirectory.missingConfig(in: path) }
    self = checkpoint
  }

  /// Opens a path, unless it is a directory that is not a checkpoint.
  ///
  /// - Returns: nil for a directory that is neither an adapter nor a model nor a distributed
  ///   checkpoint.
  /// - Throws: as `init(path:replacesStaleIndex:)`, but for `missing`.
  public init?(
    existing path: String, replacesStaleIndex: Bool = false
  ) throws(CheckpointError) {
    if let file = try InputFile(unlessDirectory: path) {
      self = .file(try Checkpoint.open(file))
    } else if let adapter = try Adapter(existing: path) {
      self = .adapter(adapter)
    } else if let model = try Model(existing: path, replacesStaleIndex: replacesStaleIndex) {
      self = .model(model)
    } else if let archive = try DistributedDirectory.open(existing: path) {
      self = .file(archive)
    } else {
      return nil
    }
  }

  /// The kind of a checkpoint.
  public enum Kind: String, Sendable {
    case file, adapter, model
  }

  /// The kind of this checkpoint.
  public var kind: Kind {
    switch self {
    case .file: .file
    case .adapter: .adapter
    case .model: .model
    }
  }

  /// The tensors.
  public var archive: any TensorArchive {
    switch self {
    case .file(let archive): archive
    case .adapter(let adapter): adapter.weights
    case .model(let model): model.weights
    }
  }

  /// The adapter; nil for other kinds.
  public var adapter: Adapter? {
    if case .adapter(let adapter) = self { adapter } else { nil }
  }

  /// The name of a directory's weights file or index; nil for a file.
  public var weightsName: String? {
    switch self {
    case .file: nil
    case .adapter(let adapter): adapter.directory.weightsName
    case .model(let model): model.weightsName
    }
  }

  /// Harmless irregularities of the files.
  public var notes: [String] {
    (CheckpointPart(archive).map { [$0.description] } ?? []) + archive.notes
  }
}
