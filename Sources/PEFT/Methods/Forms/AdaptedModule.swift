// SPDX-License-Identifier: Apache-2.0

/// A module that an adapter changes.
public struct AdaptedModule: Sendable {
  /// The module's name in the base model.
  public let name: String
  /// The values of its symbols: those of the config and of the base model, and those that its
  /// tensors have.
  public let values: ExtentValues

  /// Describes a module.
  public init(name: String, values: ExtentValues) {
    self.name = name
    self.values = values
  }
}
