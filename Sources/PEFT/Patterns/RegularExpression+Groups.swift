// SPDX-License-Identifier: Apache-2.0

extension RegularExpression {
  /// The first match in a text, as Python's `re` chooses it.
  package struct Match {
    /// The ends of the match and of its groups, two for each; nil for a group that took no part.
    fileprivate var ends: [Int?]

    /// The scalars of the match, or of a group, by its number.
    package func range(_ group: Int = 0) -> Range<Int>? {
      guard ends.indices.contains(2 * group + 1), let start = ends[2 * group],
        let end = ends[2 * group + 1]
      else { return nil }
      return start..<end
    }
  }

  /// What a search found.
  enum Search {
    case found(Match)
    case none
    /// The budget was used up.
    case unknown
  }

  /// The number of a group by its name.
  package func group(_ name: String) -> Int? {
    groupNames.firstIndex { $0.elementsEqual(name.unicodeScalars) }.map { $0 + 1 }
  }

  private struct Thread {
    var index: Int
    var ends: [Int?]
  }

  /// Searches the first match: the earliest, and of those the one that the order of alternatives and
  /// repetitions prefers.
  ///
  /// - Parameters:
  ///   - start: where the search starts; what is before it is seen by assertions only.
  ///   - anywhere: whether it may start after the start of the search.
  ///   - mayBeEmpty: whether an empty match at the start of the search counts.
  ///   - budget: the steps that may be taken; those taken are subtracted.
  /// - Complexity: O(instructions · scalars · groups).
  func firstMatch(
    in text: [Unicode.Scalar], from start: Int = 0, anywhere: Bool, mayBeEmpty: Bool = true,
    budget: inout Int
  ) -> Search {
    let empty = [Int?](repeating: nil, count: 2 * groupNames.count + 2)
    var threads: [Thread] = []
    var found: Match?
    var visited = [Int](repeating: -1, count: instructions.count)
    for position in start...text.count {
      if found == nil, anywhere || position == start {
        var ends = empty
        ends[0] = position
        threads.append(Thread(index: 0, ends: ends))
      }
      var next: [Thread] = []
      // The last is the one that is preferred.
      var pending = Array(threads.reversed())
      search: while var thread = pending.popLast() {
        guard visited[thread.index] != position else { continue }
        visited[thread.index] = position
        budget -= empty.count
        guard budget >= 0 else { return .unknown }
        let instruction = instructions[thread.index]
        thread.index += 1
        switch instruction {
        case .match:
          guard mayBeEmpty || position > start else { continue }
          thread.ends[1] = position
          found = Match(ends: thread.ends)
          break search
        case .jump(let target):
          thread.index = target
          pending.append(thread)
        case .split(let one, let other):
          pending.append(Thread(index: other, ends: thread.ends))
          thread.index = one
          pending.append(thread)
        case .save(let end):
          thread.ends[end] = position
          pending.append(thread)
        case .assertion, .look:
          switch Self.passes(instruction, at: position, in: text, budget: &budget) {
          case true?: pending.append(thread)
          case false?: break
          case nil: return .unknown
          }
        case .scalars(let set):
          if position < text.count, set.contains(text[position]) { next.append(thread) }
        }
      }
      if next.isEmpty, found != nil || !anywhere { break }
      threads = next
    }
    return found.map { .found($0) } ?? .none
  }

  /// All matches that do not overlap, from the first on, as those that Python's `re.sub` replaces: one
  /// that follows an empty one at its place is not empty.
  ///
  /// - Parameters:
  ///   - text: the scalars of the text.
  ///   - budget: the steps that may be taken; those taken are subtracted.
  /// - Returns: nil when the budget is used up.
  package func allMatches(in text: [Unicode.Scalar], budget: inout Int) -> [Match]? {
    var matches: [Match] = []
    var start = 0
    var mayBeEmpty = true
    while start <= text.count {
      switch firstMatch(
        in: text, from: start, anywhere: true, mayBeEmpty: mayBeEmpty, budget: &budget)
      {
      case .unknown: return nil
      case .none: return matches
      case .found(let match):
        guard let range = match.range() else { return matches }
        matches.append(match)
        start = range.upperBound
        mayBeEmpty = !range.isEmpty
      }
    }
    return matches
  }
}
