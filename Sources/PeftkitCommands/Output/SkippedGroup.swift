// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Conversion
internal import Tensors

/// Items of a file that are left out together: those with names under the same first word.
struct SkippedGroup {
  /// The items, in the order of the file.
  private var items: [SkippedItem] = []

  /// The most names, and the most types, that are listed.
  private static let listLimit = 8

  /// The groups, in the order of their first items.
  ///
  /// Values whose names have one word are a group. Tensors whose names have are not: each is one.
  static func groups(of items: [SkippedItem]) -> [SkippedGroup] {
    var groups: [SkippedGroup] = []
    var places: [String: Int] = [:]
    for item in items {
      let words = item.words
      let key = (item.isTensor ? "tensor" : "value") + (words.count > 1 ? "." + words[0] : "")
      if let place = places[key], words.count > 1 || !item.isTensor {
        groups[place].items.append(item)
      } else {
        places[key] = groups.count
        groups.append(SkippedGroup(items: [item]))
      }
    }
    return groups
  }

  private init(items: [SkippedItem]) { self.items = items }

  /// The note about the group.
  var note: String {
    guard items.count > 1 else {
      return "\(items[0].name.excerpt) was left out: it is \(items[0].article.excerpt)"
    }
    let count = Sizes.count(items.count, items[0].isTensor ? "tensor" : "value")
    let names = prefix.map { " of \($0.excerpt)" } ?? ": \(listed(items.map(\.name.excerpt)))"
    return "left out: \(count)\(names) (\(types))"
  }

  /// The place of the items, for a table.
  var place: String {
    guard items.count > 1 else { return items[0].name.printable }
    return prefix.map { $0.printable + ".*" } ?? listed(items.map(\.name.printable))
  }

  /// The number of the items and their types, for a table.
  var contents: String {
    guard items.count > 1 else { return items[0].type.printable }
    return "\(Sizes.count(items.count, items[0].isTensor ? "tensor" : "value")): \(types)"
  }

  /// The words with which all names start; nil when they have none in common.
  private var prefix: String? {
    var common: [String]?
    for item in items {
      let words = item.words.dropLast()
      common = common.map { zip($0, words).prefix { $0 == $1 }.map(\.0) } ?? Array(words)
    }
    guard let common, !common.isEmpty else { return nil }
    return common.joined(separator: ".")
  }

  /// The types of the items, each once, in the order of the file.
  private var types: String {
    var seen: Set<String> = []
    return listed(items.map(\.type).filter { seen.insert($0).inserted }.map(\.excerpt))
  }

  private func listed(_ texts: [String]) -> String {
    let list = texts.prefix(Self.listLimit).joined(separator: ", ")
    let rest = texts.count - Self.listLimit
    return rest > 0 ? "\(list) and \(Sizes.count(rest)) more" : list
  }
}

extension SkippedItem {
  /// The parts of the name between dots.
  fileprivate var words: [String] {
    name.string.utf8.split(separator: 0x2E, omittingEmptySubsequences: false).map {
      String(Substring($0))
    }
  }
}

extension OptimizerState {
  /// The note that says how to convert the model alone.
  var note: String {
    let selection = modelKey.map { "--include '\($0.excerpt).*'" } ?? "--exclude '\(key.excerpt).*'"
    return
      "\(Sizes.count(tensorCount)) of \(Sizes.count(totalCount, "tensor")) are the state of an "
      + "optimizer, under \(key.excerpt): \(selection) converts the model alone"
  }
}
