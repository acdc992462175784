// SPDX-License-Identifier: Apache-2.0

/// A regular expression with the meaning of Python's `re`, matched in time that is linear in the
/// text.
///
/// It supports the syntax that patterns of module names use: literals, `.`, classes, groups,
/// alternatives, repetition, `^`, `$`, `\A`, `\Z`, `\b`, `\B`, `\d`, `\w`, `\s` and their
/// complements. Everything else is unsupported: back references, lookaround, flags, possessive and
/// atomic groups.
struct RegularExpression: Sendable {
  /// A position that an expression asks for, without taking a scalar.
  enum Assertion: Sendable {
    case start, end, lineEnd, wordBoundary, noWordBoundary
  }

  indirect enum Node {
    case scalars(ScalarSet)
    case assertion(Assertion)
    case sequence([Node])
    case alternatives([Node])
    /// A repeated node; without a maximum it is repeated without limit.
    case repetition(Node, minimum: Int, maximum: Int?)
  }

  private enum Instruction: Sendable {
    case scalars(ScalarSet)
    case assertion(Assertion)
    case jump(Int)
    case split(Int, Int)
    case match
  }

  /// The most instructions; counted repetition multiplies them.
  private static let largestProgram = 10_000

  private var instructions: [Instruction] = []

  /// Compiles an expression; nil for one that Python refuses or that is not supported.
  ///
  /// - Complexity: O(pattern), and O(`largestProgram`) where repetition is counted.
  init?(_ pattern: String) {
    do throws(Unsupported) {
      var parser = RegularExpressionParser(pattern)
      try emit(try parser.parse())
      try append(.match)
    } catch {
      return nil
    }
  }

  /// Why an expression is not compiled: Python refuses it, or it is not supported.
  struct Unsupported: Error {}

  private mutating func append(_ instruction: Instruction) throws(Unsupported) {
    guard instructions.count < Self.largestProgram else { throw Unsupported() }
    instructions.append(instruction)
  }

  private mutating func emit(_ node: Node) throws(Unsupported) {
    switch node {
    case .scalars(let set): try append(.scalars(set))
    case .assertion(let assertion): try append(.assertion(assertion))
    case .sequence(let nodes): for node in nodes { try emit(node) }
    case .alternatives(let nodes):
      var jumps: [Int] = []
      for node in nodes.dropLast() {
        let split = instructions.count
        try append(.match)
        try emit(node)
        jumps.append(instructions.count)
        try append(.match)
        instructions[split] = .split(split + 1, instructions.count)
      }
      if let last = nodes.last { try emit(last) }
      for jump in jumps { instructions[jump] = .jump(instructions.count) }
    case .repetition(let node, let minimum, let maximum):
      try emit(node, minimum: minimum, maximum: maximum)
    }
  }

  private mutating func emit(_ node: Node, minimum: Int, maximum: Int?) throws(Unsupported) {
    for _ in 0..<minimum {
      let start = instructions.count
      try emit(node)
      // An empty node repeated is empty.
      if instructions.count == start { return }
    }
    guard let maximum else {
      let split = instructions.count
      try append(.match)
      try emit(node)
      try append(.jump(split))
      instructions[split] = .split(split + 1, instructions.count)
      return
    }
    var splits: [Int] = []
    for _ in minimum..<maximum {
      splits.append(instructions.count)
      try append(.match)
      try emit(node)
    }
    for split in splits { instructions[split] = .split(split + 1, instructions.count) }
  }
}

extension RegularExpression {
  /// Whether the expression matches at the start of a text, or anywhere in it.
  ///
  /// - Parameters:
  ///   - budget: the steps that may be taken; those taken are subtracted.
  /// - Returns: nil when the budget is used up.
  /// - Complexity: O(instructions · scalars).
  func matches(
    _ text: [Unicode.Scalar], anywhere: Bool = false, budget: inout Int
  ) -> Bool? {
    var pending = [0]
    var visited = [Int](repeating: -1, count: instructions.count)
    for position in 0...text.count {
      var next: [Int] = []
      while let index = pending.popLast() {
        guard visited[index] != position else { continue }
        visited[index] = position
        budget -= 1
        guard budget >= 0 else { return nil }
        switch instructions[index] {
        case .match: return true
        case .jump(let target): pending.append(target)
        case .split(let one, let other):
          pending.append(other)
          pending.append(one)
        case .assertion(let assertion):
          if Self.holds(assertion, at: position, in: text) { pending.append(index + 1) }
        case .scalars(let set):
          if position < text.count, set.contains(text[position]) { next.append(index + 1) }
        }
      }
      if anywhere { next.append(0) }
      if next.isEmpty { return false }
      pending = next
    }
    return false
  }

  private static func holds(
    _ assertion: Assertion, at position: Int, in text: [Unicode.Scalar]
  ) -> Bool {
    switch assertion {
    case .start: return position == 0
    case .end: return position == text.count
    case .lineEnd:
      return position == text.count || position == text.count - 1 && text[position] == "\n"
    case .wordBoundary, .noWordBoundary:
      // Neither holds in an empty text, as in Python.
      guard !text.isEmpty else { return false }
      let isBoundary =
        isWord(position - 1, of: text) != isWord(position, of: text)
      return isBoundary == (assertion == .wordBoundary)
    }
  }

  private static func isWord(_ position: Int, of text: [Unicode.Scalar]) -> Bool {
    text.indices.contains(position) && ScalarSet.Category.word.contains(text[position])
  }
}
