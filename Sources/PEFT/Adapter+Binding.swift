// SPDX-License-Identifier: Apache-2.0
package import Kernels
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
    try examination(options, surveys: readsValues ? try weights.surveyValues() : nil)
  }

  /// The same with surveys of the values of all tensors, which were read before.
  ///
  /// - Parameter surveys: a survey for each tensor; nil for no findings about values.
  /// - Throws: what opening the base model throws.
  /// - Complexity: O(modules + tensors).
  package func examination(
    _ options: FindingOptions, surveys: [ValueSurvey]?
  ) throws(CheckpointError) -> (findings: [Finding], binding: Binding?) {
    let binding = try binding(options)
    let findings = findings(options, surveys: surveys)
    guard let binding else { return (findings, nil) }
    return (binding.combined(with: findings), binding)
  }
}
