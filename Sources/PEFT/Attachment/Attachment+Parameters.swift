// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

extension Attachment {
  /// Findings about `target_parameters` and the experts whose parameters PEFT adapts
  /// (spec/adapter-methods.md, A23).
  var parameterFindings: [Finding] {
    (untargetedExpertFinding.map { [$0] } ?? []) + (unmatchedParameterFinding.map { [$0] } ?? [])
  }

  /// A finding about experts that no key of the config selects.
  private var untargetedExpertFinding: Finding? {
    let document = rules.config.document
    guard document["target_parameters"]?.array?.isEmpty ?? true,
      let entries = document["target_modules"]?.array,
      let experts = modules.first(where: { $0.name == "experts" || $0.name.hasSuffix(".experts") })
    else { return nil }
    let isExpert = entries.contains { entry in
      guard let name = entry.string else { return true }
      return name.containsBytes(of: "experts")
        || Self.expertNames.contains(NumberedName.last(of: name))
    }
    guard !isExpert else { return nil }
    return Finding(
      .error, "untargeted-module",
      "neither \"target_modules\" nor \"target_parameters\" selects \(experts.name): PEFT ignores "
        + "the tensors", key: "target_parameters",
      tensor: experts.tensors.values.min().map { weights.tensor(at: $0).name })
  }

  /// The names of projections of experts, which PEFT turns into parameters.
  private static let expertNames: Set<Substring> = [
    "w1", "w2", "w3", "gate_proj", "up_proj", "down_proj", "gate_up_proj",
  ]

  /// A note about an entry of `target_parameters` whose module has no tensors.
  private var unmatchedParameterFinding: Finding? {
    let key = "target_parameters"
    let entries = (rules.config.document[key]?.array ?? []).compactMap(\.string)
    guard !entries.isEmpty, !modules.isEmpty else { return nil }
    let names = modules.map { $0.name.prefix(before: ".base_layer") ?? $0.name }
    let ends = Set(names.flatMap(Self.ends))
    let hasExperts = names.contains { NumberedName.last(of: $0) == "experts" }
    let absent = entries.first { entry in
      let parent = String(NumberedName.parent(of: entry))
      return parent.isEmpty ? !hasExperts : !ends.contains(UTF8Text(parent))
    }
    return absent.map { entry in
      Finding(
        .note, "unmatched-target",
        "no module of the weights has the parameter \(entry.excerpt) of \"\(key)\"", key: key)
    }
  }
}
