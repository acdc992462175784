// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Files
public import Tensors

/// A model directory, open: the weights that transformers loads from it (spec/shards.md, H26 to
/// H31).
public struct Model: Sendable {
  /// The directory.
  public let path: String
  /// The weights file, or the index of shards.
  public let weightsName: String
  /// The weights.
  public let weights: any TensorArchive

  /// Opens a directory, each of its files at most once; no tensor data is read.
  ///
  /// - Parameters:
  ///   - path: the directory, which exists.
  ///   - replacesStaleIndex: as that of `ShardedArchive`.
  /// - Returns: nil when it has no weights under a name that models use, and no `config.json` that
  ///   names them.
  /// - Throws: `missing` when the weights that `config.json` names are missing, what decoding it
  ///   throws, and what opening the weights throws.
  /// - Complexity: O(config + header of the weights).
  public init?(
    existing path: String, replacesStaleIndex: Bool = false
  ) throws(CheckpointError) {
    let named: String?
    do throws(CheckpointError) {
      named = try ModelDirectory.nameInConfig(of: path)
    } catch {
      // A config of any kind does not make a model of a directory without weights.
      guard ModelDirectory.weightsNames.contains(where: { ModelDirectory.isFile($0, in: path) })
      else { return nil }
      throw error
    }
    let candidates = named.map { [$0] } ?? ModelDirectory.weightsNames
    for name in candidates {
      guard let file = try InputFile(existing: ModelDirectory.path(of: name, in: path)) else {
        continue
      }
      self.path = path
      weightsName = name
      weights =
        try Checkpoint.openWithIndex(file, replacesStaleIndex: replacesStaleIndex).archive
      return
    }
    guard named == nil else {
      throw ModelDirectory.missing(candidates, namedByConfig: true, in: path)
    }
    return nil
  }
}
