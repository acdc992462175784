// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import PEFT
internal import Tensors

/// The options for what an adapter is checked against.
struct FindingArguments: ParsableArguments {
  /// What these options ask for.
  ///
  /// - Throws: `ValidationError` for an option that cannot be used.
  func options() throws -> FindingOptions {
    FindingOptions()
  }
}
