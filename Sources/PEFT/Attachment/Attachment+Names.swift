// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Tensors

extension Attachment {
  /// Findings about names that PEFT ignores or refuses, with the names that it expects.
  var nameFindings: [Finding] {
    var groups = FindingGroups<NameCause>()
    var canonical: [Int: String] = [:]
    for tensor in misnamed {
      groups.add(
        tensor.index, to: NameCause(faults: tensor.faults, isParameter: tensor.isParameter))
      canonical[tensor.index] = tensor.canonical
    }
    return groups.findings { cause, tensors in finding(cause, tensors, canonical) }
  }

  private func finding(
    _ cause: NameCause, _ tensors: [Int], _ canonical: [Int: String]
  ) -> Finding {
    let renames = tensors.compactMap { index in
      canonical[index].map { (from: weights.tensor(at: index).name, to: TensorName($0)) }
    }
    let count = tensors.count
    let reasons = cause.faults.map { $0.reason(isPlural: count > 1) }.joined(separator: ", and ")
    let first = renames.first.map { "rename \($0.from) to \($0.to)" } ?? ""
    let isTaken = cause.isParameter && cause.faults == [.adapterName("default", isTaken: true)]
    let effect =
      isTaken
      ? "PEFT before 0.21 and other runtimes do not find them"
      : cause.isParameter
        ? "PEFT ignores \(count == 1 ? "it" : "them"), and leaves the modules at their fresh values"
        : "PEFT raises KeyError"
    let message =
      "the \(count == 1 ? "name" : "names") of \(count.counted("tensor")) \(reasons): \(effect); "
      + first + (count == 1 ? "" : ", and the others alike")
    let tensor = renames.first?.from
    let repairs = renames.map { Finding.Repair.renameTensor(from: $0.from, to: $0.to) }
    return isTaken
      ? Finding(.warning, "misnamed-tensor", message, tensor: tensor, repairs: repairs)
      : Finding(.error, "misnamed-tensor", message, tensor: tensor, repairs: repairs)
  }
}

/// The faults of a tensor's name, and whether the tensor belongs to the method.
private struct NameCause: Hashable {
  let faults: [NameFault]
  let isParameter: Bool
}

extension NameFault {
  /// What is wrong, after "the names of 3 tensors" or "the name of 1 tensor".
  fileprivate func reason(isPlural: Bool) -> String {
    func verb(_ plural: String, _ singular: String) -> String { isPlural ? plural : singular }
    return switch self {
    case .missingPrefix: "\(verb("do", "does")) not begin with \(TensorPath.modelPrefix)"
    case .repeatedPrefix(let count):
      "\(verb("repeat", "repeats")) the prefix \(TensorPath.modelPrefix)"
        + (count == 1 ? "" : " \(count) times")
    case .strayPrefix(let text):
      "\(verb("have", "has")) \(text) before \(TensorPath.modelPrefix)"
    case .wrapper(let text):
      "\(verb("contain", "contains")) \(text), which a wrapper of the model added"
    case .repeatedModel:
      "\(verb("repeat", "repeats")) model. after \(TensorPath.modelPrefix)"
    case .surplusModel:
      "\(verb("have", "has")) model. after \(TensorPath.modelPrefix), where no class of transformers "
        + "has it"
    case .adapterName(let name, _):
      "\(verb("contain", "contains")) the adapter's name, .\(name)"
    case .noPromptPrefix: "\(verb("do", "does")) not begin with \(AdapterConfig.baseModelPrefix)"
    case .modulePrefix:
      "\(verb("begin", "begins")) with \(TensorPath.modelPrefix), but beside a prompt with "
        + AdapterConfig.baseModelPrefix
    case .suffix: "\(verb("have", "has")) .weight in the wrong place"
    }
  }
}
