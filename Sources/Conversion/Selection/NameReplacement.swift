public import Tensors
internal import _StringProcessing

/// A replacement of what a regular expression finds in the names of tensors, as Python's `re.sub`
/// carries it out.
public struct NameReplacement: Sendable, Hashable {
  /// The regular expression.
  public let pattern: String
  /// What stands in the place of each match; `\1` or `\g<name>` is a group of it, `\0` all of it, and
  /// `\\` a backslash.
  public let replacement: String

  /// Takes `PATTERN=REPLACEMENT`, parted at the last `=`: patterns have that sign in `(?=…)`.
  ///
  /// - Throws: `invalidArgument` without a `=`, or for a pattern that is no regular expression.
  public init(parsing text: String) throws(CheckpointError) {
    guard let sign = text.lastIndex(of: "=") else {
      throw .invalidArgument("'\(text.excerpt)' is no PATTERN=REPLACEMENT")
    }
    pattern = String(text[..<sign])
    replacement = String(text[text.index(after: sign)...])
    _ = try NameRewriter(self)
  }
}

/// A replacement, ready to be carried out.
struct NameRewriter {
  private enum Part {
    case text(String)
    case group(Int)
    case namedGroup(String)
  }

  private let expression: Regex<AnyRegexOutput>
  private let parts: [Part]

  init(_ replacement: NameReplacement) throws(CheckpointError) {
    do {
      // As Python's: by code points, and a word ends where letters, digits and `_` end.
      expression = try Regex(replacement.pattern).matchingSemantics(.unicodeScalar)
        .wordBoundaryKind(.simple)
    } catch {
      throw .invalidArgument(
        "'\(replacement.pattern.excerpt)' is no regular expression: \("\(error)".excerpt)")
    }
    parts = Self.parts(of: replacement.replacement)
  }

  /// The name with every match replaced.
  ///
  /// - Throws: `invalidArgument` when the replacement names a group that the pattern does not have.
  func rewrite(_ name: TensorName) throws(CheckpointError) -> TensorName {
    var result = ""
    var rest = name.string.startIndex
    for match in name.string.matches(of: expression) {
      result += name.string[rest..<match.range.lowerBound]
      for part in parts { result += try text(of: part, in: match.output) }
      rest = match.range.upperBound
    }
    return TensorName(result + name.string[rest...])
  }

  private func text(
    of part: Part, in output: AnyRegexOutput
  ) throws(CheckpointError) -> Substring {
    switch part {
    case .text(let text): return text[...]
    case .group(let number):
      guard output.indices.contains(number) else {
        throw .invalidArgument("the pattern has no group \\\(number)")
      }
      return output[number].substring ?? ""
    case .namedGroup(let name):
      guard let group = output.first(where: { $0.name == name }) else {
        throw .invalidArgument("the pattern has no group named \(name)")
      }
      return group.substring ?? ""
    }
  }

  private static func parts(of replacement: String) -> [Part] {
    var parts: [Part] = []
    var text = ""
    var rest = replacement[...]
    while let character = rest.popFirst() {
      guard character == "\\", let next = rest.first else {
        text.append(character)
        continue
      }
      let part: Part
      if let digit = next.wholeNumberValue, next.isASCII {
        part = .group(digit)
        rest.removeFirst()
      } else if rest.hasPrefix("g<"), let end = rest.firstIndex(of: ">") {
        let name = rest[..<end].dropFirst(2)
        part = Int(name).map { .group($0) } ?? .namedGroup(String(name))
        rest = rest[rest.index(after: end)...]
      } else {
        text.append(next)
        rest.removeFirst()
        continue
      }
      parts += [.text(text), part]
      text = ""
    }
    return parts + [.text(text)]
  }
}
