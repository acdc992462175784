// SPDX-License-Identifier: Apache-2.0

/// A regular expression with the meaning of Python's `re`, matched in time that is linear in the
/// text.
///
/// It supports the syntax that patterns of module names use: literals, `.`, classes, groups,
/// alternatives, repetition, lookaround, `^`, `$`, `\A`, `\Z`, `\b`, `\B`, `\d`, `\w`, `\s` and
/// their complements, comments and octal escapes. Everything else is read, and not matched: references to
/// groups, flags, possessive repetition, atomic and conditional groups. Lookaround makes the time
/// quadratic in the text.
package struct RegularExpression: Sendable {
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
    case repetition(Node, minimum: Int, maximum: Int?, isLazy: Bool)
    /// A group that captures, counted from one.
    case group(Node, number: Int)
    /// A node that must match, or must not, ahead of a position or behind it.
    case look(Node, isBehind: Bool, isNegated: Bool)
  }

  enum Instruction: Sendable {
    case scalars(ScalarSet)
    case assertion(Assertion)
    case jump(Int)
    /// Two ways, the preferred one first.
    case split(Int, Int)
    /// Stores the position as one end of a group.
    case save(Int)
    /// An expression that starts the given number of scalars before the position.
    case look([Instruction], back: Int, isNegated: Bool)
    case match
  }

  /// The most instructions, with those of what is looked for around positions; counted repetition
  /// multiplies them.
  private static let largestProgram = 10_000

  private(set) var instructions: [Instruction] = []
  /// The names of the groups that capture; empty where they have none, or are not kept.
  package private(set) var groupNames: [[Unicode.Scalar]] = []
  private let keepsGroups: Bool
  /// The number of instructions so far, as `largestProgram` counts them.
  private var size: Int

  /// Compiles an expression.
  ///
  /// - Parameters:
  ///   - keepsGroups: whether `firstMatch` is to give the groups.
  ///   - isWhole: whether the expression matches whole texts only, as Python's `re.fullmatch` does.
  /// - Complexity: O(pattern), and O(`largestProgram`) where repetition is counted.
  package init(
    _ pattern: String, keepsGroups: Bool = false, isWhole: Bool = false
  ) throws(Failure) {
    self.keepsGroups = keepsGroups
    size = 0
    var parser = RegularExpressionParser(pattern)
    try emit(try parser.parse())
    if isWhole { try append(.assertion(.end)) }
    try append(.match)
    if keepsGroups { groupNames = parser.groupNames }
  }

  /// The longest text that every match contains, as far as it is easily seen.
  var requiredText: [Unicode.Scalar] {
    var longest: [Unicode.Scalar] = []
    var run: [Unicode.Scalar] = []
    for instruction in instructions {
      switch instruction {
      case .scalars(let set):
        if let scalar = set.onlyScalar { run.append(scalar) } else { run = [] }
      case .save, .assertion, .look: continue
      case .jump, .split, .match: return longest
      }
      if run.count > longest.count { longest = run }
    }
    return longest
  }

  /// Compiles what is looked for around a position, which captures nothing.
  ///
  /// - Parameter size: the number of instructions around it.
  private init(_ node: Node, after size: Int) throws(Failure) {
    keepsGroups = false
    self.size = size
    try emit(node)
    try append(.match)
  }

  /// Why an expression is not compiled.
  package enum Failure: Error, Hashable {
    /// Python refuses it, for the reason given.
    case refused(String)
    /// Python may accept it, and it is not matched here.
    case unsupported
  }

  private mutating func append(_ instruction: Instruction) throws(Failure) {
    guard size < Self.largestProgram else { throw .unsupported }
    size += 1
    instructions.append(instruction)
  }

  private mutating func emit(_ node: Node) throws(Failure) {
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
    case .repetition(let node, let minimum, let maximum, let isLazy):
      try emit(node, minimum: minimum, maximum: maximum, isLazy: isLazy)
    case .group(let node, let number):
      if keepsGroups { try append(.save(2 * number)) }
      try emit(node)
      if keepsGroups { try append(.save(2 * number + 1)) }
    case .look(let node, let isBehind, let isNegated):
      let inner = try RegularExpression(node, after: size)
      size = inner.size
      try append(
        .look(inner.instructions, back: isBehind ? node.width ?? 0 : 0, isNegated: isNegated))
    }
  }

  private mutating func emit(
    _ node: Node, minimum: Int, maximum: Int?, isLazy: Bool
  ) throws(Failure) {
    func split(_ inside: Int, _ after: Int) -> Instruction {
      isLazy ? .split(after, inside) : .split(inside, after)
    }
    for _ in 0..<minimum {
      let start = instructions.count
      try emit(node)
      // An empty node repeated is empty.
      if instructions.count == start { return }
    }
    guard let maximum else {
      let start = instructions.count
      try append(.match)
      try emit(node)
      try append(.jump(start))
      instructions[start] = split(start + 1, instructions.count)
      return
    }
    var splits: [Int] = []
    for _ in minimum..<maximum {
      splits.append(instructions.count)
      try append(.match)
      try emit(node)
    }
    for start in splits { instructions[start] = split(start + 1, instructions.count) }
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
    Self.matches(instructions, text, from: 0, anywhere: anywhere, budget: &budget)
  }

  private static func matches(
    _ instructions: [Instruction], _ text: [Unicode.Scalar], from start: Int, anywhere: Bool,
    budget: inout Int
  ) -> Bool? {
    var pending = [0]
    var visited = [Int](repeating: -1, count: instructions.count)
    budget -= instructions.count
    for position in start...text.count {
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
        case .save: pending.append(index + 1)
        case .assertion, .look:
          switch passes(instructions[index], at: position, in: text, budget: &budget) {
          case true?: pending.append(index + 1)
          case false?: break
          case nil: return nil
          }
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

  /// Whether an instruction that takes no scalar lets a match pass; nil when the budget is used up.
  static func passes(
    _ instruction: Instruction, at position: Int, in text: [Unicode.Scalar], budget: inout Int
  ) -> Bool? {
    switch instruction {
    case .assertion(let assertion): return holds(assertion, at: position, in: text)
    case .look(let inner, let back, let isNegated):
      guard position >= back else { return isNegated }
      return matches(inner, text, from: position - back, anywhere: false, budget: &budget)
        .map { $0 != isNegated }
    default: return true
    }
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
