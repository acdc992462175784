// SPDX-License-Identifier: Apache-2.0
internal import Archives
public import Tensors

/// How the tensors of an adapter bind to a base model: what PEFT loads, what it ignores, and what it
/// leaves at its fresh values (spec/base-model.md, P21 to P27).
public struct Binding: Sendable {
  /// What becomes of a module.
  public enum State: String, Sendable, CaseIterable {
    /// PEFT loads all its tensors.
    case bound
    /// PEFT adapts the module, and some or all of its tensors are missing.
    case missing
    /// PEFT refuses a tensor, whose shape is not that of the module.
    case mismatched
    /// PEFT does not adapt the module, and ignores its tensors.
    case dead
    /// PEFT cannot adapt a module of this kind.
    case unsupported
  }

  /// A module of the base model or of the adapter.
  public struct Module: Sendable {
    /// The path in the base model.
    public let name: String
    /// Whether it is adapted by the method, or saved whole.
    public let isSaved: Bool
    /// What becomes of it.
    public internal(set) var state: State
    /// The tensors of the file.
    public internal(set) var tensors: [TensorName] = []
    /// The tensors that PEFT leaves at their fresh values.
    public internal(set) var missing: [TensorName] = []

    /// The path without the part that numbered layers have before it: `self_attn.q_proj`.
    public var kindName: String {
      let parts = name.components
      let number = parts.lastIndex { !$0.isEmpty && $0.allSatisfy(\.isNumber) }
      guard let number, number + 1 < parts.count else { return name }
      return parts[(number + 1)...].dotted
    }
  }

  /// The class of transformers whose modules were taken; nil for other models.
  public internal(set) var className: String?
  /// The modules: those that PEFT adapts or saves, then others that the adapter has tensors for.
  public internal(set) var modules: [Module] = []
  /// The tensors that PEFT loads.
  public internal(set) var bound: [TensorName] = []
  /// The tensors that PEFT ignores.
  public internal(set) var dead: [TensorName] = []
  /// The tensors that PEFT leaves at their fresh values, by their names in a file.
  public internal(set) var missing: [TensorName] = []
  /// Those of them that belong to no module.
  var missingShared: [TensorName] = []
  /// The tensors of adapted modules whose shapes fit the base model.
  var fitting: Set<TensorName> = []
  /// The change of one key of the config with which PEFT would load the whole adapter, if there is one.
  var remedy: ConfigTrial?
  /// What is wrong.
  public internal(set) var findings: [Finding] = []
  /// Whether the base model tells which modules there are. Without its weights only sizes of the
  /// config are compared.
  public internal(set) var knowsModules = true

  /// The number of modules of one kind, by their state.
  public struct KindCount: Sendable {
    /// The kind of module: `self_attn.q_proj`.
    public let name: String
    /// Whether the modules are saved whole.
    public let isSaved: Bool
    /// The counts of the states that occur.
    public internal(set) var counts: [State: Int]
  }

  /// The kinds of modules with their counts, in the order in which they occur.
  public var kinds: [KindCount] {
    var places: [String: Int] = [:]
    var kinds: [KindCount] = []
    for module in modules {
      let key = (module.isSaved ? "+" : "-") + module.kindName
      if places[key] == nil {
        places[key] = kinds.count
        kinds.append(KindCount(name: module.kindName, isSaved: module.isSaved, counts: [:]))
      }
      kinds[places[key, default: 0]].counts[module.state, default: 0] += 1
    }
    return kinds
  }
}
