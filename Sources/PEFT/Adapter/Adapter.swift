public import Archives
internal import Checkpoints
internal import Files
public import Tensors

/// An adapter directory, open: its config and its weights.
///
/// Any PEFT method opens. `findings` tells whether the two fit.
public struct Adapter: Sendable {
  /// Where the files stand.
  public let directory: AdapterDirectory
  /// The config, with all its keys.
  public let config: AdapterConfig
  /// The weights.
  public let weights: any TensorArchive

  /// Opens a directory; no tensor data is read.
  ///
  /// - Throws: `missing` when config or weights are not there, and what decoding and opening them
  ///   throws.
  /// - Complexity: O(config + header of the weights).
  public init(path: String) throws(CheckpointError) {
    directory = try AdapterDirectory(path: path)
    config = try AdapterConfig(path: directory.configPath)
    weights = try Checkpoint.open(path: directory.weightsPath)
  }
}
