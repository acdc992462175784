// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import LowRank
internal import PEFT
internal import Tensors

/// The modules of a GGUF adapter in the order of layers and of the table of names, with the rows of B as
/// transformers has them (spec/gguf-adapters.md, GA12 to GA14).
struct GGUFModules {
  private typealias Pair = GGUFPairs.Pair

  /// A module that is being put together.
  private struct Entry {
    let place: GGUFNames.Place
    var pairs: [Pair?]
  }

  private let base: GGUFBase
  private let alpha: Double?
  private let path: String
  private let format: any CheckpointFormat
  private var entries: [Entry] = []
  private var places: [String: Int] = [:]

  init(_ base: GGUFBase, alpha: Double?, path: String, format: any CheckpointFormat) {
    self.base = base
    self.alpha = alpha
    self.path = path
    self.format = format
  }

  /// Adds a pair.
  ///
  /// - Throws: `unsupported` for a tensor that the model does not have, `mismatch` for factors that do
  ///   not fit each other.
  mutating func add(_ pair: GGUFPairs.Pair) throws(CheckpointError) {
    let name = String(pair.tensor)
    guard let place = base.names.place(ofTensor: pair.tensor) else {
      throw CheckpointError(
        .unsupported,
        "is an update of \(name.printable), which \(base.names.architecture) models do not have",
        tensor: pair.a.name)
    }
    let entry = base.names.entries[place.index]
    let isExpert = entry.isExpert
    let (a, b) = (pair.a.sizes, pair.b.sizes)
    let count = isExpert ? 3 : 2
    guard a.count == count, b.count == count, !isExpert || a[0] == b[0],
      a[count - (entry.isInput ? 1 : 2)] == b[count - 1], b[count - 1] > 0
    else {
      throw CheckpointError(
        .mismatch,
        "the factors \(Shape(a)) and \(Shape(b)) of \(name.printable) do not fit each other",
        tensor: pair.b.name)
    }
    let module = base.names.module(at: place)
    let index = places[module] ?? entries.count
    if index == entries.count {
      entries.append(Entry(place: place, pairs: entry.tensors.map { _ in nil }))
      places[module] = index
    }
    let leaf = pair.tensor.components.last ?? pair.tensor
    guard let part = entry.tensors.firstIndex(of: leaf) else { return }
    entries[index].pairs[part] = pair
  }

  /// All modules.
  ///
  /// - Throws: `mismatch` for modules that do not fit the base model.
  func all() throws(CheckpointError) -> [LowRankModule] {
    let sorted = entries.sorted {
      ($0.place.layer ?? -1, $0.place.index) < ($1.place.layer ?? -1, $1.place.index)
    }
    var composer = GGUFComposer(base, alpha: alpha)
    for entry in sorted {
      if base.names.entries[entry.place.index].isExpert {
        try composer.addExperts(entry.pairs, at: entry.place)
      } else if let pair = entry.pairs[0] {
        try composer.add(pair, at: entry.place)
      }
    }
    return try composer.modules(path: path, format: format)
  }
}
