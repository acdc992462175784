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

  @Option(
    name: .customLong("peft"),
    help: ArgumentHelp(
      "Check whether this release of PEFT loads the adapter, instead of the newest.",
      valueName: "version"),
    transform: { try Self.release($0) })
  var release: ExaminedRelease?

  /// What these options ask for.
  ///
  /// - Throws: `ValidationError` for an option that cannot be used.
  func options() throws -> FindingOptions {
    var options = FindingOptions()
    options.base = try base.map { try BaseModelSource(argument: $0) }
    options.release = release
    return options
  }

  /// The options as a command line has them, with a space before each.
  var words: String {
    let base = base.map { value in
      value == RawArguments.omittedValue ? " --base" : " --base \(value.printable)"
    }
    return (base ?? "") + (release.map { " --peft \($0.release)" } ?? "")
  }

  private static func release(_ text: String) throws -> ExaminedRelease {
    if let release = PEFTRelease(parsing: text), let examined = ExaminedRelease(release) {
      return examined
    }
    let all = ExaminedRelease.all.map(\.release.description)
    throw ValidationError(
      "unknown release '\(text.excerpt)'; peftkit knows PEFT \(all.first ?? "") to \(all.last ?? "")"
    )
  }
}
