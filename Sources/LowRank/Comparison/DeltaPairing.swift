// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The updates of two adapters by name.
struct DeltaPairing {
  /// The updates of both, in the order of the first adapter.
  private(set) var pairs: [(left: DeltaUnit, right: DeltaUnit)] = []
  /// Those of only one.
  private(set) var onlyLeft: [DeltaUnit] = []
  private(set) var onlyRight: [DeltaUnit] = []

  /// Pairs updates by name. Stacked experts that have no counterpart are taken apart where the other
  /// adapter has modules for each.
  ///
  /// - Throws: never for units of modules.
  /// - Complexity: O(modules · experts).
  init(_ lefts: [DeltaUnit], _ rights: [DeltaUnit]) throws(CheckpointError) {
    match(lefts, rights)
    guard !onlyLeft.isEmpty, !onlyRight.isEmpty else { return }
    let (first, second) = (try Self.separated(onlyLeft), try Self.separated(onlyRight))
    let names = (Set(first.map { TensorName($0.name) }), Set(second.map { TensorName($0.name) }))
    guard !names.0.isDisjoint(with: names.1) else { return }
    (onlyLeft, onlyRight) = ([], [])
    match(first, second)
  }

  private mutating func match(_ lefts: [DeltaUnit], _ rights: [DeltaUnit]) {
    var places: [TensorName: Int] = [:]
    for (index, unit) in rights.enumerated() { places[TensorName(unit.name)] = index }
    var isUsed = [Bool](repeating: false, count: rights.count)
    for unit in lefts {
      if let index = places[TensorName(unit.name)], !isUsed[index] {
        isUsed[index] = true
        pairs.append((unit, rights[index]))
      } else {
        onlyLeft.append(unit)
      }
    }
    onlyRight += zip(rights, isUsed).filter { !$0.1 }.map(\.0)
  }

  /// The units with stacked experts taken apart, by names in one spelling.
  private static func separated(_ units: [DeltaUnit]) throws(CheckpointError) -> [DeltaUnit] {
    var separated: [DeltaUnit] = []
    for unit in units {
      if let parts = try unit.separated() {
        separated += parts
      } else {
        separated.append(
          DeltaUnit(name: DeltaUnit.known(unit.name), parts: unit.parts, module: unit.module))
      }
    }
    return separated
  }
}
