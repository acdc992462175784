// SPDX-License-Identifier: Apache-2.0

/// The adapted modules of stacks of layers, by their roles.
struct LayerStacks {
  /// The modules of each role, by layer.
  private(set) var roles: [(role: LayerRole, modules: [Int: Int])] = []

  /// Sorts modules, which are given by their numbers, by role and layer.
  ///
  /// - Complexity: O(modules).
  init(_ modules: [AttachedModule]) {
    var places: [LayerRole: Int] = [:]
    for (number, module) in modules.enumerated() {
      guard let (role, layer) = LayerRole.of(module.name) else { continue }
      let place = places[role] ?? roles.count
      if place == roles.count {
        places[role] = place
        roles.append((role, [:]))
      }
      roles[place].modules[layer] = number
    }
  }

  /// A module with the same role in another layer, for each module that has one.
  var siblings: [Int: Int] {
    roles.reduce(into: [:]) { siblings, entry in
      let numbers = entry.modules.values.sorted()
      guard numbers.count > 1 else { return }
      for number in numbers { siblings[number] = number == numbers[0] ? numbers[1] : numbers[0] }
    }
  }
}
