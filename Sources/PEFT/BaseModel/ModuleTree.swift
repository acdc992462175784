// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The modules of a base model in memory, as one class of transformers has them (spec/base-model.md,
/// P4 to P11).
public struct ModuleTree: Sendable {
  /// The class; nil for a model that is not one of transformers, whose modules are those of the files.
  public let className: String?
  /// The modules, those that contain others after them, in the order of the files.
  public internal(set) var modules: [BaseModule]
  /// Modules whose weight is that of another module.
  package let tied: [(module: String, source: String)]
  /// The path of the input embedding; nil if it is unknown.
  package let inputEmbedding: String?
  /// The path of the output layer; nil if it is unknown.
  package let outputEmbedding: String?
  let modelType: ModelType?
  /// The conversions of names in files; nil where they are unknown.
  let conversions: [NameConversion]?
  /// The attribute with the base model.
  let basePrefix: String

  private var places: [UTF8Text: Int] = [:]
  /// The places of the modules directly inside a module.
  private var children: [UTF8Text: [Int]] = [:]

  /// The module at a path.
  public subscript(name: String) -> BaseModule? {
    places[UTF8Text(name)].map { modules[$0] }
  }

  /// Whether there is a module at a path.
  func contains(_ name: String) -> Bool { places[UTF8Text(name)] != nil }

  /// The modules that are tied to another one.
  package var tiedModules: [String] { tied.map(\.module).filter(contains) }

  /// Whether some parameter has an extent.
  func hasExtent(_ extent: UInt) -> Bool {
    modules.contains { module in
      module.parameters.contains { $0.shape?.dimensions.contains(extent) ?? false }
    }
  }

  /// The module at a path, and those inside it, in the order of the files.
  ///
  /// - Complexity: O(modules inside).
  package func subtree(of name: String) -> [BaseModule] {
    var pending = [places[UTF8Text(name)]].compactMap(\.self)
    var found: [Int] = []
    while let place = pending.popLast() {
      found.append(place)
      pending += children[UTF8Text(modules[place].name)] ?? []
    }
    return found.sorted().map { modules[$0] }
  }

  /// The same model with other modules.
  func with(_ modules: [BaseModule]) -> ModuleTree {
    var tree = self
    tree.modules = []
    tree.places = [:]
    tree.children = [:]
    for module in modules { tree.append(module) }
    tree.addContainers()
    return tree
  }

  /// Creates a tree of modules with parameters; modules that contain them are added.
  init(
    _ modules: [BaseModule], modelClass: ModelClass?, modelType: ModelType?, ties: Bool,
    conversions: [NameConversion]?
  ) {
    className = modelClass?.name
    self.modules = []
    tied = ties ? modelClass?.tied ?? [] : []
    inputEmbedding = modelClass?.inputEmbedding
    outputEmbedding = modelClass?.outputEmbedding
    basePrefix = modelClass?.basePrefix ?? ""
    self.modelType = modelType
    self.conversions = conversions
    for module in modules { append(module) }
    addContainers()
  }

  /// Adds the weight to a module whose files lack it.
  mutating func complete(_ name: String, kind: BaseModule.Kind, weight: Shape?) {
    guard let place = places[UTF8Text(name)] else { return }
    modules[place].kind = kind
    modules[place].parameters.insert(BaseModule.Parameter(name: "weight", shape: weight), at: 0)
  }

  /// Gives a module another kind.
  mutating func set(_ kind: BaseModule.Kind, of name: String) {
    guard let place = places[UTF8Text(name)] else { return }
    modules[place].kind = kind
  }

  /// Adds the modules that contain those of the tree.
  mutating func addContainers() {
    for name in modules.map(\.name) { appendContainers(of: name) }
  }

  mutating func append(_ module: BaseModule) {
    guard !contains(module.name) else { return }
    if let dot = module.name.utf8.lastIndex(of: UInt8(ascii: ".")) {
      children[UTF8Text(String(module.name[..<dot])), default: []].append(modules.count)
    }
    places[UTF8Text(module.name)] = modules.count
    modules.append(module)
  }

  private mutating func appendContainers(of name: String) {
    var path = name[...]
    while let dot = path.utf8.lastIndex(of: UInt8(ascii: ".")) {
      path = path[..<dot]
      let container = String(path)
      guard !contains(container) else { return }
      append(
        BaseModule(name: container, kind: .container, parameters: [], isInFiles: true))
    }
  }
}
