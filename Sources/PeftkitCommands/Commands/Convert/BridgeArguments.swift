// SPDX-License-Identifier: Apache-2.0
public import ArgumentParser
internal import Bridges
internal import Files
public import LowRank
internal import PEFT
internal import Tensors

/// The options for adapters that go to another home.
struct BridgeArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The base model of the adapter: its directory, an index of shards or a weights file; names and "
        + "shapes are read. Without a value, the model that the config names is taken from the local "
        + "Hub cache.",
      valueName: "model"),
    completion: .file())
  var base: String?

  @Option(
    help: ArgumentHelp(
      "Lay out the experts of a mixture: \(ExpertArrangement.names).", valueName: "layout"))
  var experts: ExpertArrangement?

  @Flag(help: "Do not compare what the result computes with the source.")
  var noCheck = false

  /// The base model of an adapter.
  ///
  /// - Throws: what opening it throws.
  func baseModel(of path: String) throws(CheckpointError) -> BaseModel? {
    guard let base else { return nil }
    switch try BaseModelSource(argument: base) {
    case .model(let model): return model
    case .cached:
      guard AdapterDirectory.hasConfig(path) else { throw AdapterDirectory.missingConfig(in: path) }
      return try BaseModelSource.cached.model(
        for: AdapterConfig(path: path + "/" + AdapterConfig.fileName))
    }
  }

  /// Whether one of these options is given.
  var areGiven: Bool { base != nil || experts != nil || noCheck }
}

extension ExpertArrangement: ExpressibleByArgument {
  /// The values, for help texts.
  fileprivate static var names: String {
    allCases.map(\.rawValue).joined(separator: ", ")
  }
}
