// SPDX-License-Identifier: Apache-2.0

/// How transformers changes a name in a file to the name in the model (spec/base-model.md, P6).
///
/// A renaming replaces a match of a pattern. A converter also combines tensors, or divides one.
struct NameConversion: Sendable {
  /// What a converter does with the tensors, by dimension.
  enum Operation: Sendable {
    /// Divides a tensor into one for each target.
    case chunk(Int)
    /// Joins the tensors of all sources.
    case concatenate(Int)
    /// Makes a new dimension of the tensors of one source.
    case stack(Int)
    /// Exchanges the last two dimensions.
    case transpose

    var isStacking: Bool {
      if case .stack = self { true } else { false }
    }
  }

  fileprivate struct Source: Sendable {
    let expression: RegularExpression
    /// Text that every match contains.
    let literal: [Unicode.Scalar]
    let pattern: String
    var length: Int { pattern.unicodeScalars.count }
  }

  let isConverter: Bool
  let operations: [Operation]
  /// The names that a converter gives; a renaming has one.
  let targets: [String]
  /// The path of the submodel that the conversion belongs to; nil for the whole model.
  private let scope: String?
  private let basePrefix: String
  private let sources: [Source]
  /// The number of patterns, of which each names other tensors.
  var sourceCount: Int { sources.count }

  /// Describes a renaming.
  init?(from pattern: String, to target: String) {
    guard let source = Source(pattern) else { return nil }
    isConverter = false
    operations = []
    targets = [target]
    scope = nil
    basePrefix = ""
    sources = [source]
  }

  /// Reads the fields of a line of the table.
  init?(_ fields: ArraySlice<Substring>) {
    let fields = Array(fields)
    guard fields.count == 6 else { return nil }
    isConverter = fields[0] == "convert"
    scope = fields[1] == "-" ? nil : String(fields[1])
    basePrefix = String(fields[2])
    let patterns = fields[3].split(separator: " ")
    sources = patterns.compactMap { Source(String($0)) }
    targets = fields[4].split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    operations = fields[5].split(separator: " ").compactMap { text in
      guard let dimension = Int(text.suffix(1)) else { return nil }
      return switch text.dropLast() {
      case "chunk": .chunk(dimension)
      case "concatenate": .concatenate(dimension)
      case "stack": .stack(dimension)
      case "transpose": .transpose
      default: nil
      }
    }
    guard sources.count == patterns.count, !targets.isEmpty else { return nil }
  }

  /// The conversion of a factor of each expert's adapter, which PEFT derives from that of the experts'
  /// weights; nil where PEFT has none.
  ///
  /// - Parameter factor: `lora_A` or `lora_B`.
  func ofExpertFactors(_ factor: String) -> NameConversion? {
    guard isConverter, targets.count == 1, operations.contains(where: \.isStacking) else {
      return nil
    }
    let target: String
    if targets[0].hasSuffix("gate_up_proj") {
      // The first of two parameters of a module is the inner one.
      target = targets[0].replacing("gate_up_proj", with: "base_layer")
    } else if targets[0].hasSuffix("down_proj") {
      target = targets[0].replacing(".down_proj", with: "")
    } else {
      return nil
    }
    let fields = [
      "convert", scope ?? "-", basePrefix,
      sources.map { source in
        let end = source.pattern.lastIndex(of: ".") ?? source.pattern.endIndex
        return source.pattern[..<end] + ".\(factor).*"
      }.joined(separator: " "), "\(target).\(factor).weight", "",
    ]
    return NameConversion(fields.map { $0[...] }[...])
  }

  /// A name that a conversion changed.
  struct Change {
    let name: [Unicode.Scalar]
    /// The number of the source that matched.
    let source: Int
    /// The name with another target in place of the first.
    fileprivate let before: [Unicode.Scalar]
    fileprivate let after: [Unicode.Scalar]
  }

  /// The name that the conversion gives; nil if no source matches, or the budget is used up.
  func change(_ name: [Unicode.Scalar], budget: inout Int) -> Change? {
    var start = 0
    if let scope {
      let inner = scope.isEmpty ? "" : scope + "."
      let outer = basePrefix.isEmpty ? "" : basePrefix + "."
      if name.starts(with: (outer + inner).unicodeScalars) {
        start = (outer + inner).unicodeScalars.count
      } else if name.starts(with: inner.unicodeScalars) {
        start = inner.unicodeScalars.count
      } else {
        return nil
      }
    }
    let text = Array(name[start...])
    var best: (range: Range<Int>, group: Range<Int>?, source: Int)?
    for (number, source) in sources.enumerated() {
      budget -= text.count
      guard budget >= 0 else { return nil }
      guard text.contains(source.literal) else { continue }
      guard
        case .found(let match) = source.expression.firstMatch(
          in: text, anywhere: true, budget: &budget), let range = match.range()
      else { continue }
      // Of matches at one place the one of the longest pattern counts.
      if let best,
        best.range.lowerBound < range.lowerBound
          || best.range.lowerBound == range.lowerBound
            && sources[best.source].length >= source.length
      {
        continue
      }
      best = (range, match.range(1), number)
    }
    guard let best else { return nil }
    // The matched text is replaced where it occurs first.
    let matched = Array(text[best.range])
    guard let place = text.firstRange(of: matched) else { return nil }
    let target = Self.expanded(targets[0], best.group.map { text[$0] } ?? [])
    let before = Array(name[..<start]) + text[..<place]
    let after = Array(text[(place + matched.count)...])
    return Change(
      name: before + target + after, source: best.source, before: before, after: after)
  }

  /// The name that a change gives with another target.
  func name(of change: Change, target: Int) -> [Unicode.Scalar] {
    change.before + Array(targets[target].unicodeScalars) + change.after
  }

  private static func expanded(
    _ target: String, _ group: ArraySlice<Unicode.Scalar>
  ) -> [Unicode.Scalar] {
    var result: [Unicode.Scalar] = []
    var rest = Array(target.unicodeScalars)[...]
    while let scalar = rest.popFirst() {
      if scalar == "\\", rest.first == "1" {
        rest = rest.dropFirst()
        result += group
      } else {
        result.append(scalar)
      }
    }
    return result
  }
}

extension NameConversion.Source {
  fileprivate init?(_ pattern: String) {
    guard let expression = try? RegularExpression(pattern, keepsGroups: true) else { return nil }
    self.expression = expression
    literal = expression.requiredText
    self.pattern = pattern
  }
}

extension [Unicode.Scalar] {
  /// Where other text occurs first.
  fileprivate func firstRange(of other: [Unicode.Scalar]) -> Int? {
    guard other.count <= count else { return nil }
    return (0...count - other.count).first { self[$0...].starts(with: other) }
  }

  fileprivate func contains(_ other: [Unicode.Scalar]) -> Bool { firstRange(of: other) != nil }
}
