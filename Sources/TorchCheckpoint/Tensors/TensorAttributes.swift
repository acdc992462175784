// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Tensors

/// The Python attributes that a pickle gives to tensors and to the state dict. They are not read: a
/// tensor has nothing of the kind (spec/torch-checkpoint.md, T25).
struct TensorAttributes: Sendable {
  /// The number of tensors with attributes.
  private(set) var tensorCount = 0
  /// The first such tensor, and its attributes.
  private(set) var first: (tensor: TensorName, keys: [String])?
  /// Whether the `_metadata` of a state dict has more than the versions of modules.
  private(set) var hasModuleData = false

  /// The largest number of attributes that a note names.
  private static let listedCount = 8
  /// The number of entries of state dicts that may still be examined: a pickle may use one dict many
  /// times.
  private var budget = 100_000

  /// Records the attributes of a tensor.
  mutating func add(_ value: PickleValue, named name: TensorName, in graph: PickleGraph) {
    let states = Self.states(of: value, in: graph).filter { Self.count(of: $0, in: graph) > 0 }
    guard !states.isEmpty else { return }
    tensorCount += 1
    guard first == nil else { return }
    var keys: [String] = []
    for state in states {
      _ = Self.contains(state, in: graph) { key, _ in
        keys.append(Self.name(key, in: graph) ?? "?")
        return keys.count > Self.listedCount
      }
    }
    first = (name, keys)
  }

  /// Records the attributes of an ordered dict.
  mutating func add(state: PickleValue, in graph: PickleGraph) {
    guard !hasModuleData, budget >= 0 else { return }
    var budget = budget
    let isFound = Self.contains(state, in: graph) { key, modules in
      guard Self.name(key, in: graph) == "_metadata", Self.isDict(modules, in: graph) else {
        return true
      }
      return Self.contains(modules, in: graph) { _, module in
        budget -= 1
        guard budget >= 0, Self.isDict(module, in: graph) else { return true }
        return Self.contains(module, in: graph) { key, _ in
          budget -= 1
          return budget < 0 || Self.name(key, in: graph) != "version"
        }
      }
    }
    hasModuleData = isFound && budget >= 0
    self.budget = budget
  }

  /// A sentence for each kind of attributes that are not read.
  var notes: [String] {
    var notes: [String] = []
    if let (tensor, keys) = first {
      let list = keys.prefix(Self.listedCount).map(\.excerpt).joined(separator: ", ")
      let what = keys.count > Self.listedCount ? list + " and more" : list
      notes.append(
        tensorCount == 1
          ? "the Python attributes of \(tensor.excerpt) are not read: \(what)"
          : "the Python attributes of \(tensorCount) tensors are not read, such as those of "
            + "\(tensor.excerpt): \(what)")
    }
    if hasModuleData {
      notes.append("the _metadata of the state dict has more than versions, which is not read")
    }
    return notes
  }

  /// The attributes of a tensor: the last argument of the calls that restore some.
  private static func states(of value: PickleValue, in graph: PickleGraph) -> [PickleValue] {
    guard let node = value.node, graph.nodes[node].kind == .call else { return [] }
    switch graph.nodes[node].name.role {
    case .rebuildFromType, .rebuildFromTypeV2, .rebuildParameterWithState: break
    default: return []
    }
    let arguments = TensorResolver.arguments(graph.part(0, of: node), in: graph)
    guard arguments.count == 4 else { return [] }
    // A class with slots has a pair: its dict, and its slots.
    guard let tuple = graph.tuple(arguments[3]) else { return [arguments[3]] }
    return (0..<min(tuple.count, 2)).map { graph.part($0, of: tuple.node) }
  }

  private static func isDict(_ value: PickleValue, in graph: PickleGraph) -> Bool {
    value.node.map { graph.nodes[$0].kind == .dict } ?? false
  }

  private static func count(of value: PickleValue, in graph: PickleGraph) -> Int {
    guard isDict(value, in: graph), let node = value.node else { return 0 }
    return Int(graph.nodes[node].count)
  }

  private static func name(_ key: PickleValue, in graph: PickleGraph) -> String? {
    (try? graph.keyName(key)) ?? nil
  }

  /// Whether a dict has an entry for which a predicate holds; false for anything else.
  private static func contains(
    _ value: PickleValue, in graph: PickleGraph,
    where predicate: (_ key: PickleValue, _ value: PickleValue) -> Bool
  ) -> Bool {
    guard isDict(value, in: graph), let node = value.node else { return false }
    var cursor = PartCursor(graph, node)
    while let key = cursor.next(in: graph) {
      if predicate(key, cursor.next(in: graph) ?? .none) { return true }
    }
    return false
  }
}
