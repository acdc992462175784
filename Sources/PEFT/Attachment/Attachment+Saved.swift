// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

extension Attachment {
  /// Findings about the modules that the adapter saves whole, and about trained tokens.
  ///
  /// PEFT looks up the tensors of each such module that the base model has, and raises KeyError where
  /// one is missing. Which of them the base model has is unknown here; it usually has all that the
  /// config lists, and one of the heads of its task.
  var savedFindings: [Finding] {
    let config = rules.config
    let heads = (try? config.headModules) ?? []
    let anyHeads = Set(TaskType.allCases.flatMap(\.headModules))
    var present: Set<UTF8Text> = []
    var names: [String] = []
    for (_, name) in savedTensors where name.hasPrefix(rules.modelPrefix) {
      names.append(name)
      for module in saved.modules(of: TensorName(name)) { present.insert(UTF8Text(module)) }
    }
    var findings: [Finding] = []
    let listed = (try? config.value(BaseConfigFields.modulesToSave) ?? []) ?? []
    let absent = listed.filter { module in
      !anyHeads.contains(module) && module != Self.renamed && !present.contains(UTF8Text(module))
    }
    if let module = absent.first {
      let others = absent.count - 1
      let more = others == 0 ? "" : " or of \(others.counted("other module"))"
      findings.append(
        Finding(
          .error, "missing-module",
          "the weights have no tensor of \(module)\(more) in \"modules_to_save\": PEFT raises "
            + "KeyError if the base model has the module", key: "modules_to_save"))
    }
    findings += embeddingFindings(names, listed)
    if !heads.isEmpty, present.isEmpty, let task = config.document["task_type"]?.string {
      let modules = heads.map { rules.modelPrefix + $0 }.joined(separator: " or ")
      findings.append(
        Finding(
          .error, "missing-module",
          "the weights have no tensor of \(modules), the head for \(task): PEFT raises KeyError if "
            + "the base model has one, and otherwise leaves the head untrained",
          key: listed.isEmpty ? nil : "modules_to_save"))
    }
    return findings + tokenFindings
  }

  /// An output layer that transformers 5 calls lm_head, so that PEFT neither trains nor saves it.
  private static let renamed = "embed_out"

  /// The modules of language models that are a matrix and nothing else.
  private static let matrices: Set<String> = [
    "lm_head", "embed_tokens", "embed_out", "wte", "word_embeddings", "score",
  ]

  /// Findings about listed embeddings and output layers that have other tensors than their matrix.
  private func embeddingFindings(_ names: [String], _ listed: [String]) -> [Finding] {
    let tasks = ["CAUSAL_LM", "SEQ_2_SEQ_LM", "SEQ_CLS"]
    guard let task = rules.config.document["task_type"]?.string, tasks.contains(task) else {
      return []
    }
    return listed.compactMap { module in
      guard Self.matrices.contains(String(module.split(separator: ".").last ?? "")) else {
        return nil
      }
      let own = names.filter { $0.contains(module + ".") }
      guard let other = own.first, !own.contains(where: { $0.hasSuffix(module + ".weight") }),
        let end = other.firstRange(of: module + ".")?.upperBound
      else { return nil }
      let expected = TensorName(other[..<end] + "weight")
      return Finding(
        .error, "missing-tensor",
        "the weights have no \(expected), but \(other), which the module does not have: PEFT raises "
          + "KeyError", key: "modules_to_save", tensor: expected)
    }
  }

  /// Findings about the tensors of trained tokens.
  private var tokenFindings: [Finding] {
    let key = "trainable_token_indices"
    var groups: [(name: String?, indices: [JSONValue])] = []
    switch rules.config.document[key] {
    case .array(let indices)?: groups = [(nil, indices)]
    case .object(let object)?:
      groups = object.compactMap { member in member.value.array.map { (member.key, $0) } }
    default: break
    }
    guard !groups.isEmpty else { return [] }
    var findings: [Finding] = []
    var isPresent: [Bool] = []
    for (name, indices) in groups {
      let tensors = tokenTensors.filter { tensor in
        name.map { tensor.module == $0 || tensor.module.hasSuffix("." + $0) } ?? true
      }
      isPresent.append(!tensors.isEmpty)
      for (index, _) in tensors {
        let tensor = weights.tensor(at: index)
        guard tensor.shape.rank != 2 || tensor.shape.dimensions[0] != UInt(indices.count) else {
          continue
        }
        findings.append(
          Finding(
            .error, "shape-mismatch",
            "\(tensor.name) has the shape \(tensor.shape), but the config says "
              + "[\(indices.count), dim] = [\(key), dim]", key: key, tensor: tensor.name))
      }
    }
    // Tied embeddings are saved once.
    let tied = zip(groups, isPresent).filter(\.1).map(\.0.indices)
    for ((name, indices), isPresent) in zip(groups, isPresent)
    where !isPresent && !tied.contains(indices) {
      findings.append(
        Finding(
          .error, "missing-tensor",
          "the weights have no \(name.map { $0 + "." } ?? "")token_adapter.trainable_tokens_delta, "
            + "the tokens of \"\(key)\": PEFT raises KeyError", key: key))
    }
    return findings
  }
}
