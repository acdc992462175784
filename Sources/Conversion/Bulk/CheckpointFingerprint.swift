internal import Checkpoints
internal import Files
internal import PEFT
internal import Tensors

/// The one place that knows how the weights of a unit are opened and digested.
struct CheckpointFingerprint: Sendable {
  let digest: BulkConversion.Digest
  let options: ConversionOptions

  /// A model's weights, in the order in which transformers looks for them.
  private static let modelWeightsNames = [
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
    "pytorch_model.bin.index.json",
  ]

  /// The digest that the output of a unit must have.
  ///
  /// - Parameter source: where the unit stands.
  func expected(of unit: ConversionUnit, at source: String) throws(CheckpointError) -> String {
    let path: String
    switch unit.kind {
    case .file: path = source
    case .adapter: path = RelativePath(unit.weights[0].name).string(in: source)
    case .model: path = try Self.modelWeights(in: source)
    }
    return try digest(ConversionPlan(Checkpoint.open(path: path), options: options).archive)
  }

  /// The digest of an output that is there.
  func actual(of unit: ConversionUnit, at output: String) throws(CheckpointError) -> String {
    try digest(Checkpoint.open(path: outputWeights(of: unit, at: output)))
  }

  /// The file, or the index of files, that holds the weights of an output.
  func outputWeights(
    of unit: ConversionUnit, at output: String
  ) throws(CheckpointError) -> String {
    switch unit.kind {
    case .file: return output
    case .adapter: return RelativePath(options.format.adapterWeightsName).string(in: output)
    case .model: return try Self.modelWeights(in: output)
    }
  }

  private static func modelWeights(in directory: String) throws(CheckpointError) -> String {
    let candidates = modelWeightsNames.map { RelativePath($0).string(in: directory) }
    guard let weights = candidates.first(where: { PathKind.existing($0) == .file }) else {
      throw CheckpointError(.missing, "has no weights", path: directory)
    }
    return weights
  }
}
