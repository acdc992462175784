// SPDX-License-Identifier: Apache-2.0
internal import Tensors
internal import _StringProcessing

/// A compiled replacement.
struct NameRewriter {
  /// The expression by code points, as in Python.
  private let expression: Regex<AnyRegexOutput>
  /// The expression for ASCII names, where characters are code points. `\b` is right here; by code
  /// points it does not count digits and `_` as word characters (Swift 6.3).
  private let expressionForASCII: Regex<AnyRegexOutput>
  private let parts: [ReplacementPart]

  /// The most brackets of a pattern: the parser of regular expressions is recursive.
  private static let mostBrackets = 250

  /// - Throws: `invalidArgument` for an invalid regular expression, and for a replacement with a
  ///   group that the pattern does not have, or another escape.
  init(_ replacement: NameReplacement) throws(CheckpointError) {
    guard replacement.pattern.utf8.count(where: { "[(".utf8.contains($0) }) <= Self.mostBrackets
    else {
      throw .invalidArgument(
        "'\(replacement.pattern.excerpt)' has more than \(Self.mostBrackets) brackets")
    }
    do {
      // A word ends where letters, digits and `_` end.
      expressionForASCII = try Regex(replacement.pattern).wordBoundaryKind(.simple)
      expression = expressionForASCII.matchingSemantics(.unicodeScalar)
    } catch {
      throw Self.refusal(of: replacement.pattern, because: "\(error)")
    }
    parts = try ReplacementPart.parts(of: replacement.replacement)
    let groupCount = Self.groupCount(of: replacement.pattern)
    for part in parts {
      switch part {
      case .text: break
      case .group(let number):
        guard let groupCount, number > groupCount else { break }
        throw .invalidArgument(
          "'\(replacement.pattern.excerpt)' has no group \\\(number): it has \(groupCount)")
      case .namedGroup(let name):
        guard !expression.contains(captureNamed: name) else { break }
        throw .invalidArgument(
          "'\(replacement.pattern.excerpt)' has no group named '\(name.excerpt)'")
      }
    }
  }

  /// The error about a pattern: syntax that Python has and Swift lacks is called not supported.
  private static func refusal(of pattern: String, because reason: String) -> CheckpointError {
    let marker = " is not currently supported"
    let isUnsupported = reason.hasSuffix(marker) || reason.hasPrefix("unknown group kind")
    let what = reason.hasSuffix(marker) ? String(reason.dropLast(marker.count)) : reason
    let verdict = isUnsupported ? "not supported" : "not a valid regular expression"
    return .invalidArgument("'\(pattern.excerpt)' is \(verdict): \(what.excerpt)")
  }

  /// The name with every match replaced.
  func rewrite(_ name: TensorName) -> TensorName {
    // A carriage return and a line feed are one character.
    let isASCII = name.string.utf8.allSatisfy { $0 < 0x80 && $0 != 0x0D }
    var result = ""
    var rest = name.string.startIndex
    for match in name.string.matches(of: isASCII ? expressionForASCII : expression) {
      result += name.string[rest..<match.range.lowerBound]
      for part in parts { result += text(of: part, in: match.output) }
      rest = match.range.upperBound
    }
    return TensorName(result + name.string[rest...])
  }

  private func text(of part: ReplacementPart, in output: AnyRegexOutput) -> Substring {
    switch part {
    case .text(let text): text[...]
    case .group(let number): number < output.count ? output[number].substring ?? "" : ""
    case .namedGroup(let name): output.first { $0.name == name }?.substring ?? ""
    }
  }

  /// The number of groups of a pattern; nil if it is unknown.
  private static func groupCount(of pattern: String) -> Int? {
    // The empty alternative matches "" whatever the pattern is, and a match lists all groups. The
    // line feed ends a comment of `(?x)`.
    guard let expression = try? Regex("(?:" + pattern + "\n)|"),
      let match = "".wholeMatch(of: expression)
    else { return nil }
    return match.output.count - 1
  }
}

/// A part of a replacement.
enum ReplacementPart {
  case text(String)
  case group(Int)
  case namedGroup(String)

  /// Parses a replacement.
  ///
  /// - Throws: `invalidArgument` for a backslash that is not followed by another one, a single
  ///   digit or `g<…>`. Other escapes are useless in names, or their meaning depends on the release
  ///   of Python.
  static func parts(of replacement: String) throws(CheckpointError) -> [Self] {
    var parts: [Self] = []
    var text = ""
    var rest = Substring(replacement).unicodeScalars
    while let scalar = rest.popFirst() {
      guard scalar == "\\" else {
        text.unicodeScalars.append(scalar)
        continue
      }
      if rest.first == "\\" {
        text.unicodeScalars.append(rest.removeFirst())
        continue
      }
      guard let part = reference(&rest) else {
        let next = rest.first.map { String($0) } ?? ""
        throw .invalidArgument(
          "'\("\\" + next.excerpt)' in '\(replacement.excerpt)' is not one of \\0 to \\9, "
            + "\\g<name> and \\\\")
      }
      parts += [.text(text), part]
      text = ""
    }
    return parts + [.text(text)]
  }

  /// Parses the group after a backslash.
  private static func reference(_ rest: inout Substring.UnicodeScalarView) -> Self? {
    if let number = digit(rest.first) {
      // Python reads two digits as one number.
      guard digit(rest.dropFirst().first) == nil else { return nil }
      rest.removeFirst()
      return .group(number)
    }
    guard rest.starts(with: "g<".unicodeScalars), let end = rest.firstIndex(of: ">") else {
      return nil
    }
    let name = String(rest[..<end].dropFirst(2))
    if let number = Int(name), number < 0 { return nil }
    rest = rest[rest.index(after: end)...]
    return Int(name).map { .group($0) } ?? .namedGroup(name)
  }

  private static func digit(_ scalar: Unicode.Scalar?) -> Int? {
    guard let scalar, ("0"..."9").contains(scalar) else { return nil }
    return Int(scalar.value) - 0x30
  }
}
