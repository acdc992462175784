// SPDX-License-Identifier: Apache-2.0
internal import Checkpoints
public import Tensors

/// Where the base model of an adapter is found.
public enum BaseModelSource: Sendable {
  /// This model, whatever the config names.
  case model(BaseModel)
  /// The model that the config names: a path, or a model of the Hub in the local cache.
  case cached

  /// The base model of an adapter.
  ///
  /// - Throws: `missing` when the config names none, or the cache does not have it; what opening it
  ///   throws.
  public func model(for config: AdapterConfig) throws(CheckpointError) -> BaseModel {
    switch self {
    case .model(let model): model
    case .cached: try HubCache.environment.baseModel(of: config)
    }
  }
}
