// SPDX-License-Identifier: Apache-2.0

/// Reads a regular expression as Python's `re` does, and says what Python refuses.
///
/// Syntax that `RegularExpression` does not match is read, too, so that a mistake behind it is found.
struct RegularExpressionParser {
  typealias Node = RegularExpression.Node
  typealias Failure = RegularExpression.Failure

  /// The deepest nesting of groups.
  private static let deepest = 100
  /// The limit of counts in Python's `re`, MAXREPEAT.
  private static let largestCount = 4_294_967_295

  let pattern: [Unicode.Scalar]
  var position = 0
  private var depth = 0
  /// The names of the groups that capture, in the order of their numbers; empty for those without.
  var groupNames: [[Unicode.Scalar]] = []
  /// The numbers of the groups with names.
  var groupNumbers: [[Unicode.Scalar]: Int] = [:]
  /// The groups that the current position is in.
  var openGroups: Set<Int> = []
  /// The largest number of a group that a condition refers to.
  var largestCondition = 0
  /// Whether the expression has nothing that is not matched here.
  var isSupported = true

  init(_ pattern: String) {
    self.pattern = Array(pattern.unicodeScalars)
  }

  /// Parses the whole expression.
  mutating func parse() throws(Failure) -> Node {
    let node = try alternatives()
    guard position == pattern.count else { throw .refused("unbalanced parenthesis") }
    guard largestCondition <= groupNames.count else { throw .refused("there is no such group") }
    guard isSupported else { throw .unsupported }
    return node
  }

  var next: Unicode.Scalar? { position < pattern.count ? pattern[position] : nil }

  /// Takes a scalar of something that the end of the expression leaves unfinished.
  mutating func take(in part: String) throws(Failure) -> Unicode.Scalar {
    guard let scalar = next else { throw .refused("\(part) is not complete") }
    position += 1
    return scalar
  }

  mutating func take(_ text: String) -> Bool {
    let scalars = Array(text.unicodeScalars)
    guard pattern[position...].starts(with: scalars) else { return false }
    position += scalars.count
    return true
  }

  /// Parses alternatives, one level deeper.
  mutating func alternatives() throws(Failure) -> Node {
    try nested { parser throws(Failure) in
      let isWhole = parser.depth == 1
      var nodes = [try parser.sequence(isStart: isWhole)]
      while parser.take("|") { nodes.append(try parser.sequence()) }
      return nodes.count == 1 ? nodes[0] : .alternatives(nodes)
    }
  }

  /// Parses something one level deeper.
  mutating func nested<Result>(
    _ body: (inout Self) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.deepest else { throw .unsupported }
    return try body(&self)
  }

  /// The kind of a term, which decides whether a quantifier may follow it.
  enum Term {
    case repeatable, repeated, assertion
  }

  /// Parses terms up to the end of an alternative.
  ///
  /// - Parameter isStart: whether the expression starts here, where alone it may have global flags.
  mutating func sequence(isStart: Bool = false) throws(Failure) -> Node {
    var nodes: [Node] = []
    var last: Term?
    while let scalar = next, scalar != "|", scalar != ")" {
      if let (minimum, maximum) = try quantifier() {
        guard last != .repeated else { throw .refused("a quantifier follows another") }
        guard last == .repeatable, let node = nodes.popLast() else {
          throw .refused("a quantifier has nothing to repeat")
        }
        let isLazy = take("?")
        if !isLazy, take("+") { isSupported = false }
        nodes.append(.repetition(node, minimum: minimum, maximum: maximum, isLazy: isLazy))
        last = .repeated
      } else if let (node, term) = try self.term(isStart: isStart && nodes.isEmpty) {
        nodes.append(node)
        last = term
      }
    }
    return .sequence(nodes)
  }

  /// Parses a quantifier without its `?` or `+`; nil if there is none.
  private mutating func quantifier() throws(Failure) -> (minimum: Int, maximum: Int?)? {
    if take("*") { return (0, nil) }
    if take("+") { return (1, nil) }
    if take("?") { return (0, 1) }
    let start = position
    guard take("{"), next != "}" else {
      position = start
      return nil
    }
    let low = count()
    let isRange = take(",")
    let high = isRange ? count() : low
    // `{` with no digits and no comma is text.
    guard take("}"), isRange || low != nil else {
      position = start
      return nil
    }
    guard low ?? 0 < Self.largestCount, high ?? 0 < Self.largestCount else {
      throw .refused("a count is too large")
    }
    if let low, let high, high < low {
      throw .refused("the smallest count is larger than the largest")
    }
    return (low ?? 0, high)
  }

  /// Parses a number, which is cut off above the largest count; nil if there is no digit.
  private mutating func count() -> Int? {
    var value: Int?
    while let scalar = next, ("0"..."9").contains(scalar) {
      position += 1
      value = min((value ?? 0) * 10 + Int(scalar.value - 48), Self.largestCount)
    }
    return value
  }

  /// Parses a term; nil for a comment and for flags, which are none.
  private mutating func term(isStart: Bool) throws(Failure) -> (Node, Term)? {
    switch try take(in: "the expression") {
    case "^": return (.assertion(.start), .assertion)
    case "$": return (.assertion(.lineEnd), .assertion)
    case ".": return (.scalars(.anyButLineFeed), .repeatable)
    case "[": return (.scalars(try scalarSet()), .repeatable)
    case "(": return try group(isStart: isStart)
    case "\\":
      switch try take(in: "an escape") {
      case "A": return (.assertion(.start), .assertion)
      case "Z": return (.assertion(.end), .assertion)
      case "b": return (.assertion(.wordBoundary), .assertion)
      case "B": return (.assertion(.noWordBoundary), .assertion)
      case let scalar where ("1"..."9").contains(scalar):
        return (try octalOrReference(scalar), .repeatable)
      case let scalar: return (.scalars(try escape(scalar, inSet: false)), .repeatable)
      }
    case let scalar: return (.scalars(ScalarSet(scalar)), .repeatable)
    }
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
      guard let width = node.width, width > 0 else { return node.width }
      guard minimum == maximum else { return nil }
      let (product, overflow) = width.multipliedReportingOverflow(by: minimum)
      return overflow ? nil : product
    }
  }
}
