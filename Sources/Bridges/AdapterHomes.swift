// SPDX-License-Identifier: Apache-2.0
public import LowRank
public import Tensors

/// The homes of adapters.
public enum AdapterHomes {
  /// The homes, in the order in which sources are shown to them.
  public static let all: [any AdapterHome] = [
    PEFTHome(), GGUFHome(), MLXHome(), KohyaHome(), DiffusersHome(), LyCORISHome(),
  ]

  /// The home with this name.
  public static func home(named name: String) -> (any AdapterHome)? {
    all.first { $0.name == name }
  }

  /// Reads an adapter of any home; no tensor data is read.
  ///
  /// - Throws: what the home throws that the adapter is of, and `unrecognized` when it is of none.
  public static func open(
    _ source: BridgeSource
  ) throws(CheckpointError) -> (home: any AdapterHome, adapter: LowRankAdapter) {
    for home in all {
      if let adapter = try home.open(source) { return (home, adapter) }
    }
    throw CheckpointError(
      .unrecognized, "is not an adapter of " + all.map(\.name).joined(separator: ", "),
      path: source.path, hint: source.adapterAround.map { "the adapter is its directory, \($0)" })
  }
}
