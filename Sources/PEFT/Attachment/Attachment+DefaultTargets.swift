// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

extension Attachment {
  /// A finding about a config without `target_modules` (spec/adapter-methods.md, A21). PEFT then adapts
  /// what its tables have for the type of the base model. The type is unknown here, but not the tables.
  var defaultTargetFinding: Finding? {
    let document = rules.config.document
    guard document["target_modules"]?.isNull ?? true else { return nil }
    let hasParameters = document["target_parameters"]?.array?.isEmpty == false
    let names =
      rules.type.rawValue == "SHADOW"
      ? modules.map(\.name) : modules.compactMap { targetName(of: $0) }
    guard let first = names.first, hasParameters || names.count == modules.count,
      let choices = defaultTargets
    else { return nil }
    var lacking: String?
    for targets in choices {
      var selection = TargetSelection(targets, rules.config)
      let isSelected = { (name: String) in selection.contains(name) ?? true }
      guard tiesWeights ? names.contains(where: isSelected) : names.allSatisfy(isSelected) else {
        continue
      }
      let absent =
        absentEntries(of: targets, names)
        + absentCompanions(of: names).filter { !tiesWeights && isSelected($0) }
      guard let entry = absent.first else { return nil }
      lacking = entry
    }
    let others = names.count == 1 ? "" : " and \((names.count - 1).counted("other module"))"
    if let lacking {
      return Finding(
        .error, "missing-module",
        "\"target_modules\" is not set: where PEFT adapts \(first)\(others) by default, it adapts "
          + "\(lacking), too, and the weights have no tensor of it; set the key",
        key: "target_modules")
    }
    return Finding(
      .error, "untargeted-module",
      "\"target_modules\" is not set: by default, PEFT adapts \(first)\(others) in no type of model; set "
        + "the key", key: "target_modules", tensor: firstTensor(ofModule: first))
  }

  /// Default targets that some models of their types lack.
  private static let rareTargets: Set<String> = ["multi_modal_projector", "w2", "wi"]

  /// Whether some models of a type lack one of its default targets. Falcon's blocks have two
  /// normalizations of other names, or one.
  private static func isRare(_ target: String, among targets: [String]) -> Bool {
    rareTargets.contains(target)
      || target == "post_attention_layernorm" && targets.contains("ln_f")
  }

  /// The default targets that no module has, and that every model of their type has, next to one of
  /// the modules.
  private func absentEntries(of targets: TargetNames, _ names: [String]) -> [String] {
    guard case .list(let entries) = targets, !tiesWeights else { return [] }
    let ends = Set(names.flatMap(Self.ends))
    var selection = TargetSelection(targets, rules.config)
    return entries.filter { entry in
      !ends.contains(UTF8Text(entry)) && !Self.isRare(entry, among: entries)
        && !saved.contains(TensorName(entry + "."))
        && names.allSatisfy { name in
          let parent = NumberedName.parent(of: name)
          return selection.contains(parent.isEmpty ? entry : parent + "." + entry) == true
        }
    }
  }

  /// The targets that PEFT chooses from where the config has none; nil when they are not known.
  private var defaultTargets: [TargetNames]? {
    switch rules.type.rawValue {
    // All linear layers, blocks, or nothing.
    case "OSF", "ADAPTION_PROMPT", "XLORA": nil
    case "SHADOW": [.expression(#".*\.\d+"#)]
    case "TRAINABLE_TOKENS": [.list(ModelClasses.embeddingNames.map(String.init))]
    default: DefaultTargets.choices(of: rules.type.rawValue)
    }
  }
}
