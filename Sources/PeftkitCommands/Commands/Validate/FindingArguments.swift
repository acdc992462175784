// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import PEFT
internal import Tensors

/// The options for what an adapter is checked against.
struct FindingArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Check the adapter against a base model: its directory, an index of shards or a weights file. "
        + "Without a value, the model that the config names is taken from the local Hub cache.",
      valueName: "model"),
    completion: .file())
  var base: String?

  /// What these options ask for.
  ///
  /// - Throws: `ValidationError` for an option that cannot be used.
  func options() throws -> FindingOptions {
    var options = FindingOptions()
    if let base { options.base = try base.isEmpty ? .cached : .model(BaseModel(path: base)) }
    return options
  }
}
