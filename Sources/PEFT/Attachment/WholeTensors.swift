// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Tensors

/// The tensors of the base model in an adapter's file: of modules that are saved whole, biases,
/// embeddings, and small networks of a method's own.
struct WholeTensors {
  /// A module with its tensors, by their names below it.
  struct Module {
    let name: String
    var tensors: [String: Int]
  }

  private(set) var modules: [Module] = []
  private var places: [UTF8Text: Int] = [:]

  mutating func add(_ index: Int, module: String, leaf: String) {
    let place = places[UTF8Text(module)] ?? modules.count
    if place == modules.count {
      places[UTF8Text(module)] = place
      modules.append(Module(name: module, tensors: [:]))
    }
    modules[place].tensors[leaf] = index
  }

  /// The tensors of a module, by its name in the base model.
  subscript(module: String) -> [String: Int] {
    places[UTF8Text(module)].map { modules[$0].tensors } ?? [:]
  }

  /// The same tensor of the same module in all layers, for each that several layers have.
  var families: [[Int]] {
    var families: [(role: LayerRole, leaf: String, tensors: [Int])] = []
    var places: [[String]: Int] = [:]
    for module in modules {
      guard let (role, _) = LayerRole.of(module.name) else { continue }
      for (leaf, index) in module.tensors.sorted(by: { $0.value < $1.value }) {
        let key = [role.stack, role.place, leaf]
        let place = places[key] ?? families.count
        if place == families.count {
          places[key] = place
          families.append((role, leaf, []))
        }
        families[place].tensors.append(index)
      }
    }
    return families.map(\.tensors).filter { $0.count > 1 }
  }
}

extension Attachment {
  /// The tensors of the base model that the file has, and copies of such.
  ///
  /// - Complexity: O(tensors).
  var wholeTensors: WholeTensors {
    var whole = WholeTensors()
    func add(_ index: Int, _ name: String) {
      guard
        let prefix = [rules.modelPrefix, AdapterConfig.baseModelPrefix].first(
          where: name.startsWithBytes)
      else { return }
      let path = name.components
      let start = prefix.utf8.count(where: { $0 == UInt8(ascii: ".") })
      guard path.count > start + 1, let leaf = path.last else { return }
      whole.add(index, module: path[start..<path.count - 1].dotted, leaf: String(leaf))
    }
    if let prefix = rules.copyPrefix {
      for module in modules {
        for (name, index) in module.tensors where name.startsWithBytes(of: prefix) {
          whole.add(index, module: module.name, leaf: String(name.dropFirst(prefix.count)))
        }
      }
    }
    for (index, name) in savedTensors { add(index, name) }
    // PEFT looks at no others beside a prompt.
    let others = rules.isPromptLearning ? [] : others
    for index in (others + shared).sorted() { add(index, weights.tensor(at: index).name.string) }
    return whole
  }
}
