// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Tensors

extension Attachment {
  /// Findings about the tensors of each module: those that are missing, surplus or of another shape.
  var moduleFindings: [Finding] {
    var missing = FindingGroups<String>()
    var missingNames: [Int: String] = [:]
    var mismatches = FindingGroups<ShapeFault>()
    var details: [Int: FormFit.Mismatch] = [:]
    var numbers: [Int: Int] = [:]
    var surplus: [Int] = unknownParameters
    var contradictions: [Finding] = []
    var rearranged = FindingGroups<Rearrangement>()
    let siblings =
      fits.contains { !$0.mismatches.isEmpty || $0.isUnused } ? LayerStacks(modules).siblings : [:]
    for (number, (module, fit)) in zip(modules, fits).enumerated() {
      if let rearrangement = rearrangement(of: number) {
        rearranged.add(number, to: rearrangement)
        continue
      }
      if !fit.mismatches.isEmpty || fit.isUnused, hasPatterns == false,
        let (tensor, usual) = contradicting(number, siblings)
      {
        contradictions.append(contradictionFinding(tensor, usual))
        continue
      }
      for tensor in fit.missing {
        missing.add(number, to: tensor.name)
        missingNames[number] = module.name
      }
      for mismatch in fit.mismatches {
        details[mismatch.index] = mismatch
        numbers[mismatch.index] = number
        mismatches.add(mismatch.index, to: fault(of: mismatch, in: fit))
      }
      surplus += fit.surplus
    }
    for (leaf, number) in optionalGaps {
      missing.add(number, to: leaf)
      missingNames[number] = modules[number].name
    }
    return missing.findings { leaf, modules in
      missingFinding(leaf, modules.map { missingNames[$0] ?? "" })
    }
      + rearranged.findings { finding(about: $0, of: $1) }
      + mismatches.findings { fault, tensors in
        shapeFinding(fault, tensors, details[tensors[0]], numbers[tensors[0]])
      } + contradictions + surplusFindings(surplus.sorted()) + unusedFindings(siblings)
  }

  /// Optional tensors that a single module lacks, of at least four, with the module's number.
  private var optionalGaps: [(leaf: String, number: Int)] {
    var numbers: [String: (present: Int, absent: [Int])] = [:]
    for (number, module) in modules.enumerated() {
      for tensor in module.form.tensors where tensor.isOptional {
        if module.tensors[tensor.name] == nil {
          numbers[tensor.name, default: (0, [])].absent.append(number)
        } else {
          numbers[tensor.name, default: (0, [])].present += 1
        }
      }
    }
    return numbers.compactMap { leaf, numbers in
      numbers.present >= 3 && numbers.absent.count == 1 ? (leaf, numbers.absent[0]) : nil
    }
  }

  private func contradictionFinding(_ tensor: Int, _ usual: Shape) -> Finding {
    let info = weights.tensor(at: tensor)
    return Finding(
      .error, "shape-mismatch",
      "\(info.name) has the shape \(info.shape), which the config or the module's other tensors "
        + "contradict; the same tensor of another layer has \(usual)", tensor: info.name)
  }

  /// A finding about modules whose tensors are of a form that PEFT does not use for their sizes, such
  /// as two matrices of LoKr that are no factorization of a weight.
  private func unusedFindings(_ siblings: [Int: Int]) -> [Finding] {
    let unused = modules.indices.filter { number in
      fits[number].isUnused && (hasPatterns || contradicting(number, siblings) == nil)
    }.map { modules[$0] }
    guard let module = unused.first else { return [] }
    let tensors = module.form.tensors.compactMap { tensor in
      module.tensors[tensor.name].map { weights.tensor(at: $0) }
    }
    let shapes = tensors.map { "\($0.name) \($0.shape)" }.joined(separator: ", ")
    let own = module.form.tensors.compactMap { rules.tensorKey(of: $0.name) }
    let keys = Set(rules.moduleSizes.map(\.key) + own).sorted()
    let sizes = keys.isEmpty ? "" : " (\(keys.map { "\"\($0)\"" }.joined(separator: ", ")))"
    let others = unused.count - 1
    let more = others == 0 ? "" : ", nor those of \(others.counted("other module"))"
    return [
      Finding(
        .error, "shape-mismatch",
        "with this config\(sizes), PEFT has no such tensors for a module: \(shapes)\(more)",
        key: keys.count == 1 ? keys[0] : nil, tensor: tensors.first?.name)
    ]
  }

  /// The key of the config that calls for a tensor, in words.
  private func reason(for leaf: String) -> String {
    rules.tensorKey(of: leaf).map { ", which \"\($0)\" calls for" } ?? ""
  }

  private func missingFinding(_ leaf: String, _ modules: [String]) -> Finding {
    let name = TensorName(TensorPath.modelPrefix + modules[0] + "." + leaf)
    let others = modules.count - 1
    let more = others == 0 ? "" : ", nor that of \(others.counted("other module"))"
    return Finding(
      .error, "missing-tensor",
      "the weights have no \(name)\(more)\(reason(for: leaf)): PEFT leaves \(others == 0 ? "it" : "them") at "
        + "\(others == 0 ? "its" : "their") fresh values", key: rules.tensorKey(of: leaf),
      tensor: name)
  }

  private func surplusFindings(_ tensors: [Int]) -> [Finding] {
    var groups = FindingGroups<String>()
    for index in tensors {
      groups.add(index, to: leaf(of: weights.tensor(at: index).name.string))
    }
    return groups.findings { leaf, tensors in
      let name = weights.tensor(at: tensors[0]).name
      let others = tensors.count - 1
      let more = others == 0 ? "" : " and \(others.counted("other tensor")) of this kind"
      let key = rules.tensorKey(of: leaf)
      return Finding(
        .error, "unexpected-tensor",
        "PEFT ignores \(name)\(more): with this config, \(rules.type.rawValue) has no tensor of "
          + "this name" + (key.map { "; \"\($0)\" decides" } ?? ""), key: key, tensor: name)
    }
  }

  /// The part of a parameter's name from the method's prefix on.
  private func leaf(of name: String) -> String {
    let path = name.components
    let start = path.lastIndex { $0.hasPrefix(rules.parameterPrefix) } ?? path.startIndex
    return path[start...].prefix(4).joined(separator: ".")
  }

  /// Findings about tensors without elements.
  var emptyFindings: [Finding] {
    let base = others.filter { index in
      weights.tensor(at: index).name.string.hasPrefix(AdapterConfig.baseModelPrefix)
    }
    let own = shared.subtracting(expected.compactMap { weights.index(of: $0.name) })
    let whole = savedTensors.map(\.index) + tokenTensors.map(\.index) + base + own
    let tensors = (fits.flatMap(\.empty) + whole.filter { weights.tensor(at: $0).byteCount == 0 })
      .sorted()
    guard let first = tensors.first else { return [] }
    let tensor = weights.tensor(at: first)
    let others = tensors.count - 1
    let more = others == 0 ? "" : ", like \(others.counted("other tensor"))"
    return [
      Finding(
        .error, "empty-tensor",
        "\(tensor.name) \(tensor.shape) has no elements\(more): DeepSpeed ZeRO-3 and FSDP leave such "
          + "tensors when an adapter is saved without gathering its parameters; save it again",
        tensor: tensor.name)
    ]
  }
}

/// A way in which shapes differ from the expected ones.
private struct ShapeFault: Hashable {
  /// The symbol of the config, or the name of the tensor.
  let subject: String
  let expected: Int?
  let actual: Int?
}

extension Attachment {
  /// Extents that the config gives are a cause of their own, whatever tensor has them.
  private func fault(of mismatch: FormFit.Mismatch, in fit: FormFit) -> ShapeFault {
    guard mismatch.shape.rank == mismatch.tensor.shape.count else {
      return ShapeFault(subject: mismatch.tensor.name, expected: nil, actual: mismatch.shape.rank)
    }
    for (actual, extent) in zip(mismatch.shape.dimensions, mismatch.tensor.shape) {
      var values = fit.values
      guard let actual = Int(exactly: actual), !extent.accepts(actual, in: &values),
        let expected = extent.value(in: values)
      else { continue }
      guard rules.key(of: extent.symbol) != nil else { break }
      return ShapeFault(subject: extent.symbol, expected: expected, actual: actual)
    }
    return ShapeFault(subject: mismatch.tensor.name, expected: nil, actual: nil)
  }

  private func shapeFinding(
    _ fault: ShapeFault, _ tensors: [Int], _ mismatch: FormFit.Mismatch?, _ module: Int?
  ) -> Finding {
    let tensor = weights.tensor(at: tensors[0])
    let expected = mismatch?.tensor.shape ?? []
    let values = module.map { modules[$0].values } ?? ExtentValues()
    let numbers = expected.map { $0.value(in: values).map(String.init) ?? $0.symbol }
    let symbols = expected.map(\.symbol)
    let origin = symbols.lazy.filter(values.isFromTensor).compactMap { symbol in
      module.flatMap { modules[$0].tensor(with: symbol) }
    }.first { !tensors.contains($0) }
    let source =
      origin.map { "the config and \(weights.tensor(at: $0).name) say" }
      ?? (symbols.contains(where: values.isFromTensor)
        ? "the config and the other tensors say" : "the config says")
    let others = tensors.count - 1
    var message =
      "\(tensor.name) has the shape \(tensor.shape), but \(source) "
      + "[\(numbers.joined(separator: ", "))]"
    if numbers != symbols { message += " = [\(symbols.joined(separator: ", "))]" }
    if others > 0 {
      message += "; \(others.counted("other tensor")) differ\(others == 1 ? "s" : "") alike"
    }
    let key = module.flatMap { sizeKey(of: fault.subject, in: modules[$0].name) }
    if let actual = fault.actual, let expected = fault.expected,
      hasOthers(with: fault.subject, than: Set(tensors), in: module)
    {
      message +=
        "; the module's other tensors have \(expected), not \(actual): is this the tensor of another?"
    } else if let key, let actual = fault.actual, fault.expected != nil {
      message +=
        laterPattern(key, giving: actual, in: module.map { modules[$0].name } ?? "").map {
          "; \"\($0)\" in \"\(key)\" gives \(actual), but PEFT takes the first key that matches, and "
            + "sorts the keys when it saves"
        } ?? advice(key, actual, Set(tensors))
    }
    if key == nil,
      let size = rules.moduleSizes.first(where: { size in
        symbols.contains {
          $0 != size.symbol && $0.split(separator: " ").contains(size.symbol[...])
        }
      })
    {
      let keys = ([size.key] + [size.patternKey].compactMap(\.self)).map { "\"\($0)\"" }
      message += "; \(keys.joined(separator: " or ")) gives \(size.symbol)"
    }
    let decisive = key == nil ? mismatch.flatMap { rules.tensorKey(of: $0.tensor.name) } : nil
    if let decisive { message += ", which follows from \"\(decisive)\"" }
    return Finding(
      .error, "shape-mismatch", message, key: key ?? decisive, tensor: tensor.name)
  }

  /// Whether a module has other tensors with a symbol, which fit the config.
  private func hasOthers(with symbol: String, than tensors: Set<Int>, in number: Int?) -> Bool {
    guard let module = number.map({ modules[$0] }) else { return false }
    return module.form.tensors.contains { tensor in
      guard let index = module.tensors[tensor.name], !tensors.contains(index) else { return false }
      return tensor.shape.contains { $0.symbol == symbol }
    }
  }

  /// What to do about a size: a key for all modules only helps where they all need it.
  ///
  /// - Complexity: O(tensors).
  private func advice(_ key: String, _ value: Int, _ tensors: Set<Int>) -> String {
    let hasOthers = modules.contains { $0.tensors.values.allSatisfy { !tensors.contains($0) } }
    guard let size = rules.moduleSizes.first(where: { $0.key == key || $0.patternKey == key }),
      let patternKey = size.patternKey, key == patternKey || hasOthers
    else { return "; set \"\(key)\" to \(value) if the tensors are right" }
    return "; give the module the value \(value) in \"\(patternKey)\" if the tensors are right"
  }

  /// Another key of a pattern object that matches a module and gives a value.
  private func laterPattern(_ key: String, giving value: Int, in module: String) -> String? {
    guard let patterns = rules.config.document[key]?.object else { return nil }
    var budget = ModulePatterns.largestBudget
    return patterns.first { pattern in
      pattern.value.integer == value
        && ModulePattern(pattern.key, matching: rules.patternMatching)
          .matches(module, budget: &budget) == true
    }?.key
  }

  /// The key that gives a module the value of a symbol.
  private func sizeKey(of symbol: String, in module: String) -> String? {
    guard let size = rules.moduleSizes.first(where: { $0.symbol == symbol }) else { return nil }
    guard let patternKey = size.patternKey,
      let patterns = rules.config.document[patternKey]?.object, !patterns.isEmpty
    else { return size.key }
    var budget = ModulePatterns.largestBudget
    let value = ModulePatterns(patterns, matching: rules.patternMatching)
      .value(for: module, budget: &budget)
    return value == .none ? size.key : patternKey
  }
}
