internal import Checkpoints
internal import Files
internal import PEFT
internal import Tensors

/// The one place that knows how the weights of a unit are opened and digested.
struct CheckpointFingerprint: Sendable {
  let digest: BulkConversion.Digest
  let options: ConversionOptions

  /// The digest that the output of a unit must have.
  ///
  /// - Parameter source: where the unit stands.
  func expected(of unit: ConversionUnit, at source: String) throws(CheckpointError) -> String {
    let path: String
    switch unit.kind {
    case .file: path = source
    case .adapter: path = RelativePath(unit.weights[0].name).string(in: source)
    case .model: path = try ModelDirectory(path: source).weightsPath
    }
    let plan = try TensorPlan(Checkpoint.open(path: path), options: options, record: CastRecord())
    return try digest(plan.archive)
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
    case .adapter:
      let name = options.format.adapterWeightsName ?? options.format.rawValue
      return RelativePath(name).string(in: output)
    case .model: return try ModelDirectory(path: output).weightsPath
    }
  }
}
