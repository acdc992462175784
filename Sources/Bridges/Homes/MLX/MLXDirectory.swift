// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import JSONDocument
internal import Tensors

/// The files of an adapter of mlx-lm: a config, and weights beside it (spec/mlx.md, MX1).
struct MLXDirectory {
  /// The config.
  let config: MLXConfig
  /// The weights.
  let weights: any TensorArchive

  /// The names of the weights, in the order in which they are looked for: mlx-lm 0.17 and before wrote
  /// a NumPy archive.
  static let weightsNames = ["adapters.safetensors", "adapters.npz"]
  /// What the names of weights that are saved while training end in, after the number of steps.
  private static let stepSuffix = "_adapters.safetensors"

  /// Opens the files of a directory, or a file of weights with the config beside it.
  ///
  /// - Throws: what opening the files throws; `missing` without weights or config; what reading the
  ///   config throws.
  /// - Returns: nil for another source.
  init?(_ source: BridgeSource) throws(CheckpointError) {
    if let archive = source.archive {
      guard Self.holdsFactors(archive) else { return nil }
      let path = Self.sibling(MLXConfig.fileName, of: source.path)
      guard let file = try InputFile(existing: path) else {
        throw CheckpointError(
          .missing, "has no \(MLXConfig.fileName) beside it, which has the scale of an MLX adapter",
          path: source.path)
      }
      guard let config = try Self.config(file) else { return nil }
      self.config = config
      weights = archive
      return
    }
    guard let file = try source.file(MLXConfig.fileName), let config = try Self.config(file) else {
      return nil
    }
    for name in Self.weightsNames {
      guard let weights = try source.archive(name) else { continue }
      self.config = config
      self.weights = weights
      return
    }
    throw Self.missingWeights(in: source.path)
  }

  /// Reads a config; nil for one of another library.
  private static func config(_ file: InputFile) throws(CheckpointError) -> MLXConfig? {
    do throws(CheckpointError) {
      let value = try JSONValue(parsing: file.readAll(limit: JSONLimits.byteCount))
      guard let document = value.object, MLXConfig.isRecognized(document) else { return nil }
      return try MLXConfig(document)
    } catch {
      throw error.inFile(file.path)
    }
  }

  /// Whether tensors have the names of MLX's factors. Those of GGUF end in the same way.
  private static func holdsFactors(_ archive: any TensorArchive) -> Bool {
    archive.tensors.contains {
      let name = $0.name.string
      return name.hasSuffix(".lora_a") && !name.hasSuffix(".weight.lora_a")
    }
  }

  private static func missingWeights(in directory: String) -> CheckpointError {
    let names = (try? DirectoryTree.files(in: directory)) ?? []
    let steps = names.filter { $0.hasSuffix(stepSuffix) }.max()
    return CheckpointError(
      .missing, "is an MLX adapter directory without \(weightsNames[0])", path: directory,
      hint: steps.map { "\($0.printable) was saved while training: name that file" })
  }

  private static func sibling(_ name: String, of path: String) -> String {
    path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[...$0]) + name } ?? name
  }
}
