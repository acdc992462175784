// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
public import PEFT
public import Tensors

/// How an adapter has the experts of a mixture (spec/low-rank.md, U28).
public enum ExpertArrangement: String, CaseIterable, Sendable {
  /// The parameters of all experts stacked, `gate_up_proj` and `down_proj`, as transformers 5 has them,
  /// in the layout of PEFT 0.19.1 and later.
  case fused
  /// The same in the layout of PEFT 0.19.0 and before.
  case fusedBefore = "fused-0.19.0"
  /// A module for each projection of each expert, as transformers 4 has them: `gate_proj`, `up_proj` and
  /// `down_proj`, or `w1`, `w3` and `w2` where the base model is a Mixtral.
  case separate
  /// The same, with the names of Mixtral whatever the base model is.
  case separateMixtral = "separate-mixtral"
}

extension LowRankAdapter {
  /// The adapter with its experts arranged otherwise.
  ///
  /// - Parameters:
  ///   - arrangement: how they are arranged.
  ///   - base: the base model, whose type tells the names of its experts.
  /// - Throws: `unsupported` for experts that have no such arrangement, by name; `mismatch` for experts
  ///   that do not fit each other.
  /// - Complexity: O(modules); no tensor data is read.
  public func arranged(
    _ arrangement: ExpertArrangement, base: BaseModel? = nil
  ) throws(CheckpointError) -> LowRankAdapter {
    var adapter = self
    switch arrangement {
    case .fused, .fusedBefore:
      adapter.modules = try ExpertFusion(self).modules()
    case .separate, .separateMixtral:
      if arrangement == .separateMixtral, let type = base?.modelType, type != "mixtral" {
        throw CheckpointError(
          .unsupported,
          "the base model is a \(type.printable) model, whose experts do not have the names of Mixtral",
          path: path)
      }
      let isMixtral = arrangement == .separateMixtral || base?.modelType == "mixtral"
      let names = isMixtral ? ExpertNames.mixtral : ExpertNames.usual
      adapter.modules = try ExpertSeparation(self, names: names).modules()
    }
    guard adapter.modules.contains(where: ExpertNames.isExpert) else {
      throw CheckpointError(
        .unsupported, "changes no experts that could be arranged otherwise", path: path)
    }
    var document = config?.document ?? ["peft_type": "LORA"]
    // A new config is written for the modules.
    for key in Self.targetKeys { document[key] = .null }
    let release = arrangement == .fusedBefore ? ExpertLayout.lastBefore : ExpertLayout.current
    document["peft_version"] = .string(release)
    adapter.config = AdapterConfig(document: document)
    return adapter
  }

  /// The keys of a config that select modules.
  private static let targetKeys = [
    "target_modules", "target_parameters", "layers_to_transform", "layers_pattern",
    "exclude_modules",
  ]
}
