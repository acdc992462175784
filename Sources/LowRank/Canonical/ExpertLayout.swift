// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
package import PEFT
internal import Tensors

/// How an adapter lays out the factors of stacked experts (spec/low-rank.md, U25).
package struct ExpertLayout {
  /// Whether the parameters are [experts, in, out].
  package let isTransposed: Bool
  /// Whether A has the inputs and B the outputs of the experts: the reverse in old releases.
  package let startsWithInputs: Bool

  /// The release whose layout is written, and the last one with another.
  package static let current = "0.21.2"
  package static let lastBefore = "0.19.0"

  /// The types of models whose experts are [experts, in, out], and say so.
  private static let transposedTypes: Set<String> = [
    "gpt_oss", "aria", "aria_text", "openai_privacy_filter",
  ]

  /// Reads a config.
  ///
  /// - Parameter base: the base model; without it the name in the config tells transposed experts.
  package init(_ config: AdapterConfig, base: BaseModel?) {
    let isTransposed: Bool
    if let type = base?.modelType {
      isTransposed = Self.transposedTypes.contains(type)
    } else {
      let name = config.document["base_model_name_or_path"]?.string?.lowercased() ?? ""
      isTransposed = ["gpt-oss", "gpt_oss"].contains { name.containsBytes(of: $0) }
    }
    self.init(config, isTransposed: isTransposed)
  }

  /// Reads a config, for experts whose orientation is known.
  package init(_ config: AdapterConfig, isTransposed: Bool) {
    self.isTransposed = isTransposed
    let release = config.parameterRelease?.release ?? PEFTRelease(0, 19, 1)
    startsWithInputs =
      ParameterLayout(release).startsWithSecondExtent(isTransposed: isTransposed) == isTransposed
  }

  /// The names of parameters in the order in which models of transformers define them.
  private static let order = [
    "gate_up_proj", "gate_proj", "w1", "up_proj", "w3", "down_proj", "w2",
  ]

  /// Sorts the parameters of one module, of which the config tells no order.
  static func inModuleOrder(_ names: [String]) -> [String] {
    func place(_ name: String) -> Int {
      let leaf = name.components.last.map { String($0) } ?? name
      return order.firstIndex(of: leaf) ?? order.count
    }
    return names.sorted { place($0) < place($1) }
  }
}
