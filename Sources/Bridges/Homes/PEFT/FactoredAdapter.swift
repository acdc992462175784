// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import LowRank
internal import PEFT
internal import Tensors

/// Adapters of PEFT's LoHa and LoKr, whose factors other libraries have under the same names: tensors
/// without a place in the canonical form, beside a config that tells their scales.
enum FactoredAdapter {
  /// The methods.
  static let types = [PEFTType(rawValue: "LOHA"), PEFTType(rawValue: "LOKR")]

  private static let prefix = "base_model.model."

  /// Reads an adapter; no tensor data is read.
  ///
  /// - Throws: `unsupported` for tensors that cannot be viewed.
  static func read(_ adapter: Adapter) throws(CheckpointError) -> LowRankAdapter {
    var others: [LowRankAdapter.OtherTensor] = []
    for index in 0..<adapter.weights.tensorCount {
      let name = adapter.weights.tensor(at: index).name.string
      others.append(
        .init(
          view: try FactorView(adapter.weights, at: index),
          name: name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name,
          kind: .unknown))
    }
    return LowRankAdapter(
      path: adapter.directory.path, modules: [], others: others,
      baseModelName: adapter.config.document["base_model_name_or_path"]?.string,
      config: adapter.config)
  }
}
