// SPDX-License-Identifier: Apache-2.0
internal import Checkpoints
internal import Files
internal import Tensors

extension HubCache {
  /// The base model that a config names: a directory, or a model in the cache at the config's
  /// revision (spec/base-model.md, P3).
  ///
  /// - Throws: `missing` when the config names none, or the cache does not have it; what opening it
  ///   throws.
  func baseModel(of config: AdapterConfig) throws(CheckpointError) -> BaseModel {
    guard let name = try config.value(BaseConfigFields.baseModel), !name.isEmpty else {
      throw CheckpointError(
        .missing, "the config names no base model", hint: "give the path of the base model")
    }
    if PathKind.existing(name) == .directory { return try BaseModel(path: name) }
    let revision = try config.value(BaseConfigFields.revision)
    guard let model = HubName(repository: name, revision: revision) else {
      throw CheckpointError(
        .missing,
        "the base model of the config, \(name.excerpt), is neither a directory nor a model of the Hub",
        hint: "give the path of the base model")
    }
    return try BaseModel(path: snapshot(of: model))
  }
}
