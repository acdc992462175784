// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The tensors that a converter of names combines into one parameter, or divides into several, and the
/// way back from the parameters to them (spec/base-model.md, P34).
struct StoredParts {
  /// A tensor of the files.
  struct Source {
    let name: String
    let index: Int
    let shape: Shape
  }

  /// The tensors of each source of the converter, in the order of the sources.
  let sources: [[Source]]
  let operations: [NameConversion.Operation]
  /// The number of parameters that the converter makes.
  let targetCount: Int

  /// The most experts of a stack.
  private static let mostExperts = 100_000

  /// The parts of each parameter; empty where they are not described.
  ///
  /// - Complexity: O(tensors · log tensors).
  var parts: [[StoredPart]] {
    var stacks = false
    var concatenated: Int?
    var chunked: Int?
    var isTransposed = false
    for operation in operations {
      switch operation {
      case .stack(0): stacks = true
      case .concatenate(let dimension): concatenated = dimension
      case .chunk(let dimension): chunked = dimension
      case .transpose: isTransposed = true
      case .stack: return unknown
      }
    }
    switch (stacks, concatenated, chunked, isTransposed) {
    case (true, nil, nil, false): return [stacked(rows: { _ in nil })].compactMap(\.self)
    case (true, 1, nil, false):
      var start = 0
      var starts: [Range<Int>] = []
      for source in sources {
        guard let rows = extent(of: source, 0), let end = sum(start, rows) else { return unknown }
        starts.append(start..<end)
        start = end
      }
      return [stacked(rows: { starts[$0] })].compactMap(\.self)
    case (false, 0, nil, false): return [joined()].compactMap(\.self)
    case (false, 1, nil, false): return [joinedStacks()].compactMap(\.self)
    case (false, nil, 0, false): return divided()
    case (false, nil, nil, true):
      guard let tensor = single(sources.first) else { return unknown }
      return [[StoredPart(tensor: tensor.index, isTransposed: true)]]
    default: return unknown
    }
  }

  private var unknown: [[StoredPart]] { [] }

  private func sum(_ left: Int, _ right: Int) -> Int? {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? nil : sum
  }

  private func single(_ source: [Source]?) -> Source? {
    guard let source, source.count == 1 else { return nil }
    return source[0]
  }

  /// An extent of the tensors of a source, which all have the same shape.
  private func extent(of source: [Source], _ dimension: Int) -> Int? {
    guard let first = source.first, dimension < first.shape.rank,
      source.allSatisfy({ $0.shape == first.shape })
    else { return nil }
    return Int(exactly: first.shape.dimensions[dimension])
  }

  /// One tensor for each expert, of one source or of several whose rows follow each other.
  private func stacked(rows: (Int) -> Range<Int>?) -> [StoredPart]? {
    var parts: [StoredPart] = []
    for (number, source) in sources.enumerated() {
      guard source.count == sources[0].count, extent(of: source, 0) != nil else { return nil }
      for (expert, tensor) in NaturalOrder.sorted(source, by: \.name).enumerated() {
        parts.append(StoredPart(tensor: tensor.index, expert: expert, rows: rows(number)))
      }
    }
    return parts
  }

  /// One tensor below the other.
  private func joined() -> [StoredPart]? {
    var parts: [StoredPart] = []
    var start = 0
    for source in sources {
      guard let tensor = single(source), let count = extent(of: source, 0),
        let end = sum(start, count)
      else { return nil }
      parts.append(StoredPart(tensor: tensor.index, rows: start..<end))
      start = end
    }
    return parts
  }

  /// Stacks of experts whose rows follow each other within each expert.
  private func joinedStacks() -> [StoredPart]? {
    var parts: [StoredPart] = []
    var start = 0
    for source in sources {
      guard let tensor = single(source), let experts = extent(of: source, 0),
        let count = extent(of: source, 1), let end = sum(start, count),
        experts <= Self.mostExperts, !experts.multipliedReportingOverflow(by: count).overflow
      else { return nil }
      for expert in 0..<experts {
        parts.append(
          StoredPart(
            tensor: tensor.index, storedRows: expert * count..<(expert + 1) * count, expert: expert,
            rows: start..<end))
      }
      start = end
    }
    return parts
  }

  /// The rows of one tensor, divided equally among the parameters.
  private func divided() -> [[StoredPart]] {
    guard let tensor = single(sources.first), targetCount > 0,
      let count = extent(of: sources[0], 0), count.isMultiple(of: targetCount)
    else { return unknown }
    let size = count / targetCount
    return (0..<targetCount).map {
      [StoredPart(tensor: tensor.index, storedRows: $0 * size..<($0 + 1) * size)]
    }
  }
}

/// The order of names in which numbers count by their values: `h.2` before `h.10`.
enum NaturalOrder {
  /// Sorts elements by their names.
  ///
  /// - Complexity: O(elements · log elements · name).
  static func sorted<Element>(_ elements: [Element], by name: (Element) -> String) -> [Element] {
    elements.map { (keys(of: name($0)), $0) }
      .sorted { left, right in left.0.lexicographicallyPrecedes(right.0) }
      .map(\.1)
  }

  private struct Key: Comparable {
    let number: Int?
    let text: Substring

    static func < (left: Self, right: Self) -> Bool {
      switch (left.number, right.number) {
      case (let first?, let second?): first < second
      case (nil, nil): left.text < right.text
      case (_?, nil): true
      case (nil, _?): false
      }
    }
  }

  private static func keys(of name: String) -> [Key] {
    name.components.map { Key(number: Int($0), text: $0) }
  }
}
