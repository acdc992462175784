// SPDX-License-Identifier: Apache-2.0
internal import Archives
public import PEFT
public import Tensors

extension MergeReport {
  /// Finds out how much of adapters would survive a merge, without writing anything.
  ///
  /// - Parameters:
  ///   - sources: the adapters, in the order of merging.
  ///   - base: the base model, in whose dtypes they would be merged.
  /// - Throws: what planning and carrying out a merge throws for adapters and the base model.
  /// - Complexity: O(elements of changed weights · rank), in memory that does not grow with the model.
  public init(
    surveying sources: [MergeTargets.Source], into base: BaseModel
  ) throws(CheckpointError) {
    guard let weights = base.weights else {
      throw CheckpointError(.missing, "has no weights to merge into", path: base.path)
    }
    let merged = try MergedArchive(
      weights, merging: try MergeTargets(sources, into: base).tensors)
    for tensor in merged.merged {
      guard let index = merged.index(of: tensor.name) else { continue }
      try merged.readTensor(at: index) { _ in }
    }
    self.init(of: merged)
  }

  /// What became of the changes of an archive whose changed tensors were read.
  init(of archive: MergedArchive) {
    // Tensors are written in the order of the files.
    var outcomes: [Place: [ChangeOutcome]] = [:]
    for outcome in archive.outcomes {
      outcomes[Place(tensor: outcome.tensor, region: outcome.region), default: []].append(outcome)
    }
    var modules: [Module] = []
    for (index, tensor) in archive.merged.enumerated() {
      for (number, region) in tensor.regions.enumerated() {
        let made = outcomes[Place(tensor: index, region: number)] ?? []
        for (change, outcome) in zip(region.changes, made) {
          modules.append(
            Module(
              module: MergedModule(region, of: tensor, change: change),
              survival: outcome.survival, isFinite: outcome.isFinite))
        }
      }
    }
    self.init(modules: modules)
  }

  private struct Place: Hashable {
    let tensor: Int
    let region: Int
  }
}
