// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Tensors

/// What a pickle contains beside data: names that only Python code gives a meaning, and modules made by
/// it (spec/torch-checkpoint.md, T26 and T27).
struct InertContents: Sendable {
  /// The error with which a strict reader refuses the pickle; nil for a pickle that is data only.
  private(set) var codeRequest: CheckpointError?
  /// The first opcode or name for which torch refuses the file with `weights_only`; nil for none.
  private(set) var weightsOnlyRefusal: String?
  /// The number of names that are inert, and the first of them.
  private var nameCount = 0
  private var firstName: QualifiedName?
  /// The modules whose names may differ from those of their `state_dict()`, by the reason.
  private var modules: [Reason: (count: Int, first: String)] = [:]
  /// The number of tensors that are in no place with a name.
  var unnamedCount = 0
  /// The number of tensors that a TorchScript program has as constants.
  var constantCount = 0
  /// Whether there is a module.
  private(set) var hasModules = false

  /// A reason that a module may name its tensors differently.
  private enum Reason: CaseIterable {
    case hooks, packed, code
  }

  /// Records the names of a pickle.
  mutating func add(_ graph: PickleGraph) {
    weightsOnlyRefusal = weightsOnlyRefusal ?? graph.weightsOnlyRefusal
    guard codeRequest == nil, let request = graph.codeRequest else { return }
    codeRequest = request
    nameCount = graph.foreignNames.count
    firstName =
      graph.foreignNames.first { !$0.module.hasPrefix("torch.") } ?? graph.foreignNames.first
  }

  /// Records a module.
  ///
  /// - Parameters:
  ///   - type: its class.
  ///   - path: its name, empty for the whole pickle.
  mutating func add(
    module state: PickleValue, type: QualifiedName?, at path: String, in graph: PickleGraph
  ) {
    hasModules = true
    let hooks = ["_state_dict_hooks", "_state_dict_pre_hooks"].contains { key in
      graph.entry(key, of: state)?.node.map { graph.nodes[$0].count > 0 } ?? false
    }
    let name = path.isEmpty ? "the module" : path.excerpt
    let module = type?.module ?? ""
    if hooks {
      note(.hooks, name)
    } else if module.hasPrefix("torch.") {
      if module.contains("quantized") { note(.packed, name) }
    } else {
      note(.code, type?.description.excerpt ?? "a class")
    }
  }

  /// Records a module without a dict of parameters.
  mutating func addPacked(at path: String) {
    note(.packed, path.isEmpty ? "the module" : path.excerpt)
  }

  private mutating func note(_ reason: Reason, _ name: String) {
    modules[reason, default: (0, name)].count += 1
  }

  /// A sentence for each peculiarity.
  var notes: [String] {
    var notes: [String] = []
    if let firstName {
      let more = nameCount > 1 ? " and \(nameCount - 1) more" : ""
      notes.append(
        "read without running \(firstName.description.excerpt)\(more), which Python would run to "
          + "load this file")
    } else if codeRequest != nil {
      notes.append("read without running the code that Python would run to load this file")
    }
    for reason in Reason.allCases {
      guard let (count, first) = modules[reason] else { continue }
      let more = count > 1 ? " and \(count - 1) more" : ""
      switch reason {
      case .hooks:
        notes.append(
          "names may differ from those of state_dict(): \(first)\(more) with state-dict hooks")
      case .packed:
        notes.append(
          "names may differ from those of state_dict(): \(first)\(more) with packed parameters")
      case .code:
        notes.append("names are those of state_dict(), unless the code of \(first) changes them")
      }
    }
    if unnamedCount > 0, hasModules {
      let noun = unnamedCount == 1 ? "tensor" : "tensors"
      notes.append(
        "left out: \(unnamedCount) \(noun) in attributes of modules; only parameters and persistent "
          + "buffers are in state_dict()")
    }
    if constantCount > 0 {
      let last = constantCount > 1 ? " to CONSTANTS.c\(constantCount - 1)" : ""
      notes.append(
        constantCount.counting("constant", "belong") + " to the program and not to the module: "
          + "CONSTANTS.c0\(last)")
    }
    return notes
  }
}
