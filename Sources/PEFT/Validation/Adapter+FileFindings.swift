internal import Archives
internal import Files
internal import JSONDocument
internal import Tensors

extension Adapter {
  /// What PEFT makes of the files by their names (spec/adapter_config.md, C30 and C31).
  var fileFindings: [Finding] {
    formatFindings
      + directory.supersededNames.map {
        Finding(
          .warning, "superseded-weights",
          "\($0) stands beside \(directory.weightsName), and PEFT never looks at it")
      }
  }

  /// PEFT chooses between safetensors and torch by the name.
  private var formatFindings: [Finding] {
    let loaded = AdapterDirectory.loadedVariants(ofWeights: directory.weightsName)
    guard !loaded.contains(weights.variant) else { return [] }
    let expected = loaded.map(\.name).joined(separator: " or ")
    return [
      Finding(
        .error, "format-mismatch",
        "\(directory.weightsName) is \(weights.variant.name), and PEFT loads only \(expected) "
          + "by this name")
    ]
  }

  /// Whether a head of a multitask prompt tuning adapter is there
  /// (spec/multitask-prompt-tuning.md, M7).
  ///
  /// Which modules a base model has is not known here; mostly it has one of the heads of its task. Where
  /// it has not, somebody may have named its own head in `modules_to_save`.
  var headFindings: [Finding] {
    guard (try? config.peftType) == .multitaskPromptTuning,
      let heads = try? config.headModules, !heads.isEmpty, let saved = try? config.savedModules
    else { return [] }
    let modules = SavedModules(saved)
    let hasHead = (0..<weights.tensorCount).contains {
      let name = weights.tensor(at: $0).name
      return name.string.hasPrefix(AdapterConfig.baseModelPrefix) && modules.hold(name)
    }
    guard !hasHead else { return [] }
    let names = heads.map { AdapterConfig.baseModelPrefix + $0 }.joined(separator: " or ")
    let task = config.document["task_type"]?.string ?? ""
    return [
      Finding(
        .warning, "missing-module",
        "the weights have no tensor of \(names), the head for \(task): PEFT fails with a KeyError "
          + "where the base model has one, and elsewhere leaves the head untrained")
    ]
  }
}
