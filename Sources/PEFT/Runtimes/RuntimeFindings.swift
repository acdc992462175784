// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

/// The findings about an adapter in one runtime (spec/runtimes.md).
struct RuntimeFindings {
  /// The runtime.
  let runtime: Runtime

  /// What the runtime refuses and ignores, and what its table does not cover.
  ///
  /// - Parameter weights: nil for a config by itself.
  /// - Complexity: O(keys + tensors).
  func findings(about config: AdapterConfig, weights: (any TensorArchive)?) -> [Finding] {
    var findings: [Finding] = []
    let type = try? config.peftType
    if let type, !runtime.methods.contains(type) {
      return [
        Finding(
          .error, "runtime-refuses",
          "\(runtime.title) does not load \(type.rawValue) adapters of PEFT\(wayOn(config))",
          key: "peft_type")
      ]
    }
    findings += runtime.keys.compactMap { finding($0, in: config.document) }
    if let weights { findings += tensorFindings(weights) }
    findings += unknownFindings(config.document, type)
    if !findings.contains(where: { $0.severity == .error }) {
      findings.append(
        Finding(
          .note, "runtime-unknown",
          "no rule of \(runtime.title), read in \(runtime.date), is against the adapter; not covered are "
            + runtime.limits))
    }
    return findings
  }

  /// What to do with an adapter of a method that the runtime does not load.
  private func wayOn(_ config: AdapterConfig) -> String {
    guard let method = try? config.method, !method.isPromptLearning,
      !["ADAPTION_PROMPT", "SHADOW", "XLORA"].contains(method.type.rawValue)
    else { return "" }
    if method.type == .lora, let home = runtime.home {
      return "; converted to \(home), it does"
    }
    return "; PEFT's merge_and_unload puts it into the weights of its base model"
      + (runtime.converter.map { ", which \($0) converts" } ?? "")
  }

  private func finding(_ rule: RuntimeKeyRule, in document: JSONObject) -> Finding? {
    guard rule.condition.holds(for: document[rule.key]) else { return nil }
    let value = document[rule.key].map { " \($0.description.excerpt)" } ?? ""
    var way = ""
    if rule.isConverted, let home = runtime.home {
      way = "; an adapter converted to \(home) has its effect"
    }
    return finding(
      rule.reaction, "\"\(rule.key)\"\(value): \(runtime.title) \(rule.effect)\(way)", rule.key)
  }

  private func finding(
    _ reaction: RuntimeReaction, _ message: String, _ key: String? = nil, tensor: TensorName? = nil
  ) -> Finding {
    switch reaction {
    case .refuses: Finding(.error, "runtime-refuses", message, key: key, tensor: tensor)
    case .ignores: Finding(.error, "runtime-ignores", message, key: key, tensor: tensor)
    }
  }

  /// One finding for each reaction to tensors, which names the first of them.
  private func tensorFindings(_ weights: any TensorArchive) -> [Finding] {
    var refused: [TensorName] = []
    var ignored: [TensorName] = []
    for tensor in weights.tensors {
      let name = tensor.name.string
      switch runtime.tensors.first(where: { $0.matches(name) })?.reaction {
      case .refuses?: refused.append(tensor.name)
      case .ignores?: ignored.append(tensor.name)
      case nil: break
      }
    }
    func finding(_ names: [TensorName], _ reaction: RuntimeReaction, _ verb: String) -> [Finding] {
      guard let first = names.first else { return [] }
      let count = names.count == 1 ? "" : " and \((names.count - 1).counted("other tensor"))"
      return [
        self.finding(reaction, "\(runtime.title) \(verb) \(first)\(count)", tensor: first)
      ]
    }
    return finding(refused, .refuses, "refuses") + finding(ignored, .ignores, "ignores")
  }

  /// Notes about keys whose values differ from PEFT's defaults, and that no rule covers.
  private func unknownFindings(_ document: JSONObject, _ type: PEFTType?) -> [Finding] {
    guard let type, runtime.methods.contains(type), let fields = MethodFields(type) else {
      return []
    }
    let ruled = Set(runtime.keys.map(\.key)).union(runtime.honoredKeys)
    return fields.fields(in: ExaminedRelease.newest.release).compactMap { field in
      guard let value = document[field.key], !ruled.contains(field.key),
        !field.traits.contains(.inert), value != field.defaultValue,
        !(value.isFalsy && field.defaultValue.isFalsy)
      else { return nil }
      return Finding(
        .note, "runtime-unknown",
        "what \(runtime.title) does with \"\(field.key)\" is unknown", key: field.key)
    }
  }
}

extension RuntimeKeyRule.Condition {
  /// Whether a value is one that the rule is about.
  fileprivate func holds(for value: JSONValue?) -> Bool {
    switch self {
    case .absent: return value?.isNull ?? true
    case .set: return value.map { !$0.isFalsy } ?? false
    case .zero: return value?.number == 0
    case .otherThan(let texts):
      if let text = value?.string { return !texts.contains { $0 == text } }
      return value?.array?.contains { item in
        item.string.map { text in !texts.contains { $0 == text } } ?? true
      } ?? false
    }
  }
}
