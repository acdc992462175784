// SPDX-License-Identifier: Apache-2.0

/// Reads a regular expression as Python's `re` does, as far as `RegularExpression` supports it.
struct RegularExpressionParser {
  typealias Node = RegularExpression.Node
  typealias Unsupported = RegularExpression.Unsupported

  /// The deepest nesting of groups.
  private static let deepest = 100
  /// The limit of counts in Python's `re`, MAXREPEAT.
  private static let largestCount = 4_294_967_295

  private let pattern: [Unicode.Scalar]
  private var position = 0
  private var depth = 0
  /// The names of the groups that capture, in the order of their numbers; empty for those without.
  private(set) var groupNames: [[Unicode.Scalar]] = []

  init(_ pattern: String) {
    self.pattern = Array(pattern.unicodeScalars)
  }

  /// Parses the whole expression.
  mutating func parse() throws(Unsupported) -> Node {
    let node = try alternatives()
    guard position == pattern.count else { throw Unsupported() }
    return node
  }

  private var next: Unicode.Scalar? { position < pattern.count ? pattern[position] : nil }

  private mutating func take() throws(Unsupported) -> Unicode.Scalar {
    guard let scalar = next else { throw Unsupported() }
    position += 1
    return scalar
  }

  private mutating func take(_ text: String) -> Bool {
    let scalars = Array(text.unicodeScalars)
    guard pattern[position...].starts(with: scalars) else { return false }
    position += scalars.count
    return true
  }

  private mutating func alternatives() throws(Unsupported) -> Node {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.deepest else { throw Unsupported() }
    var nodes = [try sequence()]
    while take("|") { nodes.append(try sequence()) }
    return nodes.count == 1 ? nodes[0] : .alternatives(nodes)
  }

  /// The kind of a term, which decides whether a quantifier may follow it.
  private enum Term {
    case repeatable, repeated, assertion
  }

  private mutating func sequence() throws(Unsupported) -> Node {
    var nodes: [Node] = []
    var last: Term?
    while let scalar = next, scalar != "|", scalar != ")" {
      if let (minimum, maximum) = try quantifier() {
        guard last == .repeatable, let node = nodes.popLast() else { throw Unsupported() }
        if take("+") { throw Unsupported() }
        let isLazy = take("?")
        nodes.append(.repetition(node, minimum: minimum, maximum: maximum, isLazy: isLazy))
        last = .repeated
      } else {
        let (node, term) = try self.term()
        nodes.append(node)
        last = term
      }
    }
    return .sequence(nodes)
  }

  /// Parses a quantifier without its `?` or `+`; nil if there is none.
  private mutating func quantifier() throws(Unsupported) -> (minimum: Int, maximum: Int?)? {
    if take("*") { return (0, nil) }
    if take("+") { return (1, nil) }
    if take("?") { return (0, 1) }
    let start = position
    guard take("{"), next != "}" else {
      position = start
      return nil
    }
    let low = try count()
    let high: Int?
    let isRange = take(",")
    high = isRange ? try count() : low
    guard take("}") else {
      position = start
      return nil
    }
    // `{` with no digits and no comma is text.
    guard isRange || low != nil else {
      position = start
      return nil
    }
    if let low, let high, high < low { throw Unsupported() }
    return (low ?? 0, high)
  }

  /// Parses a number; nil if there is no digit.
  private mutating func count() throws(Unsupported) -> Int? {
    var value: Int?
    while let scalar = next, ("0"..."9").contains(scalar) {
      position += 1
      let sum = (value ?? 0) * 10 + Int(scalar.value - 48)
      guard sum < Self.largestCount else { throw Unsupported() }
      value = sum
    }
    return value
  }

  private mutating func term() throws(Unsupported) -> (Node, Term) {
    switch try take() {
    case "^": return (.assertion(.start), .assertion)
    case "$": return (.assertion(.lineEnd), .assertion)
    case ".": return (.scalars(.anyButLineFeed), .repeatable)
    case "[": return (.scalars(try scalarSet()), .repeatable)
    case "(": return try group()
    case "\\":
      switch try take() {
      case "A": return (.assertion(.start), .assertion)
      case "Z": return (.assertion(.end), .assertion)
      case "b": return (.assertion(.wordBoundary), .assertion)
      case "B": return (.assertion(.noWordBoundary), .assertion)
      case let scalar: return (.scalars(try escape(scalar, inSet: false)), .repeatable)
      }
    case let scalar: return (.scalars(ScalarSet(scalar)), .repeatable)
    }
  }

  private mutating func group() throws(Unsupported) -> (Node, Term) {
    var number: Int?
    var look: (isBehind: Bool, isNegated: Bool)?
    if take("?P<") {
      let name = try groupName()
      guard !groupNames.contains(name) else { throw Unsupported() }
      groupNames.append(name)
      number = groupNames.count
    } else if take("?=") {
      look = (false, false)
    } else if take("?!") {
      look = (false, true)
    } else if take("?<=") {
      look = (true, false)
    } else if take("?<!") {
      look = (true, true)
    } else if !take("?:") {
      guard next != "?" else { throw Unsupported() }
      groupNames.append([])
      number = groupNames.count
    }
    let node = try alternatives()
    guard take(")") else { throw Unsupported() }
    if let look {
      guard !look.isBehind || node.width != nil else { throw Unsupported() }
      return (.look(node, isBehind: look.isBehind, isNegated: look.isNegated), .repeatable)
    }
    return (number.map { .group(node, number: $0) } ?? node, .repeatable)
  }

  private mutating func groupName() throws(Unsupported) -> [Unicode.Scalar] {
    var name: [Unicode.Scalar] = []
    while true {
      let scalar = try take()
      if scalar == ">" { break }
      guard scalar.isASCII, ScalarSet.Category.word.contains(scalar) else { throw Unsupported() }
      name.append(scalar)
    }
    guard let first = name.first, !ScalarSet.Category.digit.contains(first) else {
      throw Unsupported()
    }
    return name
  }
}

extension RegularExpression.Node {
  /// The number of scalars that the node takes, if it is always the same, as Python asks of what is
  /// looked for behind a position.
  var width: Int? {
    switch self {
    case .scalars: return 1
    case .assertion, .look: return 0
    case .group(let node, _): return node.width
    case .sequence(let nodes):
      var sum = 0
      for node in nodes {
        guard let width = node.width else { return nil }
        let (next, overflow) = sum.addingReportingOverflow(width)
        guard !overflow else { return nil }
        sum = next
      }
      return sum
    case .alternatives(let nodes):
      let widths = Set(nodes.map(\.width))
      return widths.count == 1 ? widths.first ?? nil : nil
    case .repetition(let node, let minimum, let maximum, _):
      guard minimum == maximum, let width = node.width else { return nil }
      let (product, overflow) = width.multipliedReportingOverflow(by: minimum)
      return overflow ? nil : product
    }
  }
}

extension RegularExpressionParser {
  /// Parses a set, after its `[`.
  private mutating func scalarSet() throws(Unsupported) -> ScalarSet {
    var set = ScalarSet()
    let isNegated = take("^")
    var isFirst = true
    while isFirst || next != "]" {
      isFirst = false
      let low = try setElement()
      guard next == "-", position + 1 < pattern.count, pattern[position + 1] != "]" else {
        set.ranges += low.ranges
        set.members += low.members
        continue
      }
      position += 1
      let high = try setElement()
      guard let first = low.ranges.first, let last = high.ranges.first,
        first.lowerBound <= last.lowerBound
      else { throw Unsupported() }
      set.ranges.append(first.lowerBound...last.lowerBound)
    }
    position += 1
    set.isNegated = isNegated
    return set
  }

  private mutating func setElement() throws(Unsupported) -> ScalarSet {
    let scalar = try take()
    return scalar == "\\" ? try escape(try take(), inSet: true) : ScalarSet(scalar)
  }

  /// Parses the rest of an escape, after its backslash and first scalar, to the set that it
  /// matches.
  private mutating func escape(
    _ scalar: Unicode.Scalar, inSet: Bool
  ) throws(Unsupported) -> ScalarSet {
    func member(_ category: ScalarSet.Category, _ isNegated: Bool) -> ScalarSet {
      ScalarSet(ScalarSet.Member(category: category, isNegated: isNegated))
    }
    switch scalar {
    case "d": return member(.digit, false)
    case "D": return member(.digit, true)
    case "w": return member(.word, false)
    case "W": return member(.word, true)
    case "s": return member(.space, false)
    case "S": return member(.space, true)
    case "a": return ScalarSet("\u{7}")
    case "b" where inSet: return ScalarSet("\u{8}")
    case "f": return ScalarSet("\u{C}")
    case "n": return ScalarSet("\n")
    case "r": return ScalarSet("\r")
    case "t": return ScalarSet("\t")
    case "v": return ScalarSet("\u{B}")
    case "x": return ScalarSet(try hexadecimal(2))
    case "u": return ScalarSet(try hexadecimal(4))
    case "U": return ScalarSet(try hexadecimal(8))
    // Letters that mean nothing are refused; numbers are octal or refer to groups.
    case "a"..."z", "A"..."Z", "0"..."9": throw Unsupported()
    default: return ScalarSet(scalar)
    }
  }

  private mutating func hexadecimal(_ count: Int) throws(Unsupported) -> Unicode.Scalar {
    var value: UInt32 = 0
    for _ in 0..<count {
      let digit = try take()
      guard digit.isASCII, let number = Character(digit).hexDigitValue else { throw Unsupported() }
      value = value << 4 | UInt32(number)
    }
    guard let scalar = Unicode.Scalar(value) else { throw Unsupported() }
    return scalar
  }
}
