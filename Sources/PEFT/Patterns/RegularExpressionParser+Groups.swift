// SPDX-License-Identifier: Apache-2.0

extension RegularExpressionParser {
  /// Parses a group, after its `(`; nil for a comment and for global flags.
  ///
  /// - Parameter isStart: whether the expression starts with the group.
  mutating func group(isStart: Bool) throws(Failure) -> (Node, Term)? {
    guard take("?") else { return (try capture(named: []), .repeatable) }
    switch try take(in: "a group") {
    case ":": return (try inner(), .repeatable)
    case "=": return (try look(isBehind: false, isNegated: false), .repeatable)
    case "!": return (try look(isBehind: false, isNegated: true), .repeatable)
    case "<":
      switch try take(in: "a group") {
      case "=": return (try look(isBehind: true, isNegated: false), .repeatable)
      case "!": return (try look(isBehind: true, isNegated: true), .repeatable)
      default: throw .refused("there is no group that starts so")
      }
    case "P":
      if take("<") { return (try capture(named: try groupName(until: ">")), .repeatable) }
      guard take("=") else { throw .refused("there is no group that starts so") }
      try refer(toGroupNamed: try groupName(until: ")"))
      return (.sequence([]), .repeatable)
    case ">":
      isSupported = false
      return (try inner(), .repeatable)
    case "(":
      isSupported = false
      try conditional()
      return (.sequence([]), .repeatable)
    case "#":
      while try take(in: "a comment") != ")" {}
      return nil
    case let scalar: return try flags(scalar, isStart: isStart)
    }
  }

  /// Parses what is in a group, and its `)`.
  private mutating func inner() throws(Failure) -> Node {
    let node = try alternatives()
    try close()
    return node
  }

  private mutating func close() throws(Failure) {
    guard take(")") else { throw .refused("a group is not closed") }
  }

  /// Parses a group that captures.
  ///
  /// - Parameter name: its name; empty for none.
  private mutating func capture(named name: [Unicode.Scalar]) throws(Failure) -> Node {
    groupNames.append(name)
    let number = groupNames.count
    guard name.isEmpty || groupNumbers.updateValue(number, forKey: name) == nil else {
      throw .refused("two groups have one name")
    }
    openGroups.insert(number)
    let node = try inner()
    openGroups.remove(number)
    return .group(node, number: number)
  }

  private mutating func look(isBehind: Bool, isNegated: Bool) throws(Failure) -> Node {
    let wasSupported = isSupported
    isSupported = true
    let node = try inner()
    // The width of what is not matched here is unknown.
    guard !isBehind || !isSupported || node.width != nil else {
      throw .refused("the width of what is looked for behind is not fixed")
    }
    isSupported = isSupported && wasSupported
    return .look(node, isBehind: isBehind, isNegated: isNegated)
  }

  /// Parses the name of a group and what ends it.
  private mutating func groupName(until end: Unicode.Scalar) throws(Failure) -> [Unicode.Scalar] {
    var name: [Unicode.Scalar] = []
    while true {
      let scalar = try take(in: "the name of a group")
      if scalar == end { break }
      name.append(scalar)
    }
    // Which letters beyond ASCII a name may have is not decided here.
    guard name.allSatisfy(\.isASCII) else { throw .unsupported }
    guard let first = name.first, !ScalarSet.Category.digit.contains(first),
      name.allSatisfy(ScalarSet.Category.word.contains)
    else { throw .refused("the name of a group is not an identifier") }
    return name
  }

  private mutating func refer(toGroupNamed name: [Unicode.Scalar]) throws(Failure) {
    guard let number = groupNumbers[name] else { throw .refused("there is no such group") }
    try refer(toGroup: number)
  }

  /// Parses a group that depends on another one, after its `(?(`.
  private mutating func conditional() throws(Failure) {
    var name: [Unicode.Scalar] = []
    while next != ")", next != nil { name.append(try take(in: "a condition")) }
    try close()
    if !name.isEmpty, name.allSatisfy({ ("0"..."9").contains($0) }) {
      let number = name.reduce(0) { min($0 * 10 + Int($1.value - 48), 1 << 30) }
      guard number > 0 else { throw .refused("there is no such group") }
      largestCondition = max(largestCondition, number)
    } else {
      guard name.allSatisfy(\.isASCII) else { throw .unsupported }
      guard groupNumbers[name] != nil else { throw .refused("there is no such group") }
    }
    try nested { parser throws(Failure) in
      _ = try parser.sequence()
      guard parser.take("|") else { return }
      _ = try parser.sequence()
      guard parser.next != "|" else { throw .refused("a condition has more than two branches") }
    }
    try close()
  }

  /// Parses flags, after their `(?` and first scalar: for the whole expression, or for a group.
  private mutating func flags(
    _ first: Unicode.Scalar, isStart: Bool
  ) throws(Failure) -> (Node, Term)? {
    var on: Set<Unicode.Scalar> = []
    var scalar = first
    while scalar != "-", scalar != ":", scalar != ")" || on.isEmpty {
      on.insert(try flag(scalar))
      scalar = try take(in: "a group's flags")
    }
    guard !on.isSuperset(of: ["a", "u"]) else { throw .refused("two flags exclude one another") }
    if scalar == ")" {
      guard isStart else {
        throw .refused("flags for the whole expression are not at its start")
      }
      if on != ["u"] { isSupported = false }
      return nil
    }
    guard scalar == "-" || !on.isEmpty else { throw .refused("there is no group that starts so") }
    isSupported = isSupported && on == ["u"] && scalar == ":"
    if scalar == "-" {
      var off: Set<Unicode.Scalar> = []
      repeat {
        off.insert(try flag(try take(in: "a group's flags")))
      } while next != ":"
      position += 1
      guard off.isDisjoint(with: on.union(["a", "u"])) else {
        throw .refused("a flag cannot be turned off")
      }
    }
    return (try inner(), .repeatable)
  }

  /// Checks that a scalar is a flag.
  private func flag(_ scalar: Unicode.Scalar) throws(Failure) -> Unicode.Scalar {
    // The verbose syntax, and a flag that Python had until 3.12.
    guard scalar != "x", scalar != "t" else { throw .unsupported }
    guard ["a", "i", "m", "s", "u"].contains(scalar) else {
      throw .refused("there is no group that starts so")
    }
    return scalar
  }
}
