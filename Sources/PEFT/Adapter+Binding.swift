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
    return try? Binding(config, weights, to: base, in: options.release ?? .newest)
  }

  /// Everything that can be found about the adapter and, if the options name a base model, about how
  /// it binds to it.
  ///
  /// - Parameters:
  ///   - options: what the adapter is checked against.
  ///   - readsValues: whether the data of the weights is read.
  /// - Returns: the findings, without those that the base model refutes, and the binding.
  /// - Throws: what opening the base model and reading the weights throws.
  /// - Complexity: O(bytes of the weights), O(modules + tensors) without values.
  public func examination(
    _ options: FindingOptions, readsValues: Bool = true
  ) throws(CheckpointError) -> (findings: [Finding], binding: Binding?) {
    let binding = try binding(options)
    let findings = try findings(options, readsValues: readsValues)
    guard let binding else { return (findings, nil) }
    return (binding.combined(with: findings), binding)
  }
}
