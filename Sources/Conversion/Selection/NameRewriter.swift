// SPDX-License-Identifier: Apache-2.0
internal import PEFT
internal import Tensors

/// A compiled replacement.
struct NameRewriter {
  private let pattern: String
  private let expression: RegularExpression
  private let parts: [ReplacementPart]

  /// - Throws: `invalidArgument` for a regular expression that Python refuses, or that is not matched
  ///   here, and for a replacement with a group that the pattern does not have, or another escape.
  init(_ replacement: NameReplacement) throws(CheckpointError) {
    pattern = replacement.pattern
    do throws(RegularExpression.Failure) {
      expression = try RegularExpression(pattern, keepsGroups: true)
    } catch {
      throw Self.refusal(of: pattern, because: error)
    }
    parts = try ReplacementPart.parts(of: replacement.replacement)
    for part in parts {
      switch part {
      case .text: break
      case .group(let number):
        let count = expression.groupNames.count
        guard number > count else { break }
        throw .invalidArgument("'\(pattern.excerpt)' has no group \\\(number): it has \(count)")
      case .namedGroup(let name):
        guard expression.group(name) == nil else { break }
        throw .invalidArgument("'\(pattern.excerpt)' has no group named '\(name.excerpt)'")
      }
    }
  }

  private static func refusal(
    of pattern: String, because failure: RegularExpression.Failure
  ) -> CheckpointError {
    switch failure {
    case .refused(let reason):
      .invalidArgument("'\(pattern.excerpt)' is not a valid regular expression: \(reason)")
    case .unsupported:
      .invalidArgument(
        "'\(pattern.excerpt)' is not supported: it has a flag, a reference to a group, a condition, "
          + "possessive repetition or an atomic group, or is too large")
    }
  }

  /// The steps that matching may take for names of a size in bytes, all replacements together.
  static func budget(forByteCount byteCount: Int) -> Int {
    let (steps, overflow) = byteCount.multipliedReportingOverflow(by: 200)
    return (overflow ? .max / 2 : min(steps, .max / 2)) + 20_000_000
  }

  /// The name with every match replaced.
  ///
  /// - Parameter budget: the steps that may be taken; those taken are subtracted.
  /// - Throws: `unsupported` when they are used up.
  func rewrite(_ name: TensorName, budget: inout Int) throws(CheckpointError) -> TensorName {
    let text = Array(name.string.unicodeScalars)
    let allowed = budget
    guard let matches = expression.allMatches(in: text, budget: &budget) else {
      throw CheckpointError(
        .unsupported,
        "'\(pattern.excerpt)' takes more than the \(allowed) steps that are left for matching names",
        tensor: name, hint: "write it more simply, or rename in several runs")
    }
    var result = String.UnicodeScalarView()
    var rest = 0
    for match in matches {
      guard let range = match.range() else { continue }
      result.append(contentsOf: text[rest..<range.lowerBound])
      for part in parts {
        switch part {
        case .text(let text): result.append(contentsOf: text.unicodeScalars)
        case .group(let number): append(match.range(number), of: text, to: &result)
        case .namedGroup(let name):
          append(expression.group(name).flatMap(match.range), of: text, to: &result)
        }
      }
      rest = range.upperBound
    }
    result.append(contentsOf: text[rest...])
    return TensorName(String(result))
  }

  private func append(
    _ range: Range<Int>?, of text: [Unicode.Scalar], to result: inout String.UnicodeScalarView
  ) {
    if let range { result.append(contentsOf: text[range]) }
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
