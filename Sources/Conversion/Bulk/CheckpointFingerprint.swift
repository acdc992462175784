// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
internal import Files
internal import Kernels
internal import PEFT
internal import Tensors

/// Computes the content digests of a unit, or of a directory inside one, and of its output.
struct CheckpointFingerprint: Sendable {
  let digest: BulkConversion.Digest
  let options: ConversionOptions

  /// The digest that the output of a checkpoint must have.
  ///
  /// - Parameter source: the path of the checkpoint.
  func expected(
    of kind: ConversionUnit.Kind, at source: String
  ) throws(CheckpointError) -> String {
    let path =
      switch kind {
      case .file, .copy, .distributed: source
      case .adapter: try AdapterDirectory(path: source).weightsPath
      case .model: try ModelDirectory(path: source).weightsPath
      }
    let plan = try TensorPlan(Checkpoint.open(path: path), options: options, record: CastRecord())
    return try digest(plan.archive)
  }

  /// The digest of an existing output.
  func actual(
    of kind: ConversionUnit.Kind, at output: String
  ) throws(CheckpointError) -> String {
    let path =
      switch kind {
      case .file, .copy, .distributed: output
      case .adapter:
        RelativePath(options.format.adapterWeightsName ?? options.format.name)
          .string(in: output)
      case .model: try ModelDirectory(path: output).weightsPath
      }
    return try digest(Checkpoint.open(path: path))
  }
}
