// SPDX-License-Identifier: Apache-2.0
public import Tensors

extension Adapter {
  /// How the adapter binds to the base model of the options.
  ///
  /// - Returns: nil without a base model, and for a config that does not name its method.
  /// - Throws: what opening the base model throws.
  /// - Complexity: O(modules + tensors); no tensor data is read.
  public func binding(_ options: FindingOptions) throws(CheckpointError) -> Binding? {
    guard let base = try options.base?.model(for: config) else { return nil }
    return try? Binding(config, weights, to: base)
  }
}
