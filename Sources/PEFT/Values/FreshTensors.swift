// SPDX-License-Identifier: Apache-2.0
internal import Kernels
internal import Tensors

/// The tensors of modules that still have the value from before training.
struct FreshTensors {
  /// The names below a module, each after a dot, with the value before training.
  private let leaves: [(ending: [UInt8], untrained: UntrainedValue?)]
  /// The number of tensors that start at a known value.
  private var count = 0
  /// Their names below modules, with that value, in the order of their first tensors.
  private var starts: [(leaf: String, value: String)] = []
  /// Those of them that still have it.
  private var untouched: [TensorName] = []
  private var untouchedModules: Set<UTF8Text> = []
  /// The modules with tensors that are judged.
  private var modules: Set<UTF8Text> = []
  /// Tensors that are zero and do not start so, with their modules.
  private var zeros: [(name: TensorName, module: UTF8Text)] = []

  /// Collects the names below modules; one that has two values before training is not judged.
  init(_ forms: [ModuleForm]) {
    var values: [String: Set<UntrainedValue?>] = [:]
    for form in forms {
      for tensor in form.tensors where !tensor.isInteger {
        values[tensor.name, default: []].insert(tensor.untrained)
      }
    }
    leaves = values.compactMap { name, values in
      values.count == 1 ? (Array(("." + name).utf8), values.first ?? nil) : nil
    }.sorted { $0.ending.count > $1.ending.count }
  }

  /// Whether no name is judged.
  var isEmpty: Bool { leaves.isEmpty }

  /// Adds a tensor.
  mutating func add(_ name: TensorName, _ survey: ValueSurvey) {
    guard survey.elementCount > 0 else { return }
    let text = Array(name.string.utf8)
    guard let leaf = leaves.first(where: { text.suffix($0.ending.count).elementsEqual($0.ending) })
    else { return }
    let module = UTF8Text(String(decoding: text.dropLast(leaf.ending.count), as: UTF8.self))
    modules.insert(module)
    switch leaf.untrained {
    case nil:
      if survey.isZero, !name.isOftenZero { zeros.append((name, module)) }
    case .zeros?: note(name, leaf.ending, "zero", in: module, isUntouched: survey.isZero)
    case .ones?: note(name, leaf.ending, "one", in: module, isUntouched: survey.isOne)
    }
  }

  private mutating func note(
    _ name: TensorName, _ ending: [UInt8], _ value: String, in module: UTF8Text, isUntouched: Bool
  ) {
    count += 1
    let leaf = String(decoding: ending.dropFirst(), as: UTF8.self)
    if !starts.contains(where: { $0.leaf == leaf }) { starts.append((leaf, value)) }
    guard isUntouched else { return }
    untouched.append(name)
    untouchedModules.insert(module)
  }

  /// The findings about the tensors.
  var findings: [Finding] {
    var findings: [Finding] = []
    if let first = untouched.first {
      let starts = starts.map { "\($0.leaf) is \($0.value)" }.joined(separator: ", every ")
      findings.append(
        untouched.count == count
          ? Finding(
            .warning, "untrained",
            "every \(starts), as before training: the modules of the adapter change nothing",
            tensor: first)
          : Finding(
            .note, "untrained-modules",
            "\(untouched.count) of \(count) tensors are as before training (\(starts)), and their "
              + "modules change nothing; the first is \(first)",
            tensor: first))
    }
    let others = zeros.filter { !untouchedModules.contains($0.module) }
    if let first = others.first {
      let rest = others.count > 1 ? ", and so are \(others.count - 1) more such tensors" : ""
      let idle = Set(others.map(\.module)).union(untouchedModules)
      findings.append(
        idle.count == modules.count
          ? Finding(
            .warning, "zero-tensor",
            "\(first.name) is wholly zero\(rest): every module has such a tensor, and the adapter "
              + "changes nothing", tensor: first.name)
          : Finding(
            .note, "zero-tensor", "\(first.name) is wholly zero\(rest): its module changes nothing",
            tensor: first.name))
    }
    return findings
  }
}
