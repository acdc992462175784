// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

/// Names of modules as a config gives them: `target_modules`, `exclude_modules`.
enum TargetNames: Sendable, Hashable {
  /// Whole paths, or their ends behind a dot.
  case list([String])
  /// A regular expression for whole paths.
  case expression(String)

  /// Reads a value; nil for null and for JSON of another type.
  init?(_ json: JSONValue?) {
    if let text = json?.string {
      self = .expression(text)
    } else if let values = json?.array {
      self = .list(values.compactMap(\.string))
    } else {
      return nil
    }
  }

  /// Whether there is nothing to match: PEFT takes `[]` and `""` for no value.
  var isEmpty: Bool {
    switch self {
    case .list(let names): names.isEmpty
    case .expression(let text): text.isEmpty
    }
  }

  /// Whether the value means all linear layers.
  var isAllLinear: Bool {
    if case .expression(let text) = self { text.lowercased() == "all-linear" } else { false }
  }
}

/// Matches paths of modules with names of a config, as PEFT does (spec/base-model.md, P12).
struct TargetMatcher: Sendable {
  /// How a path matches.
  enum Result: Sendable {
    case none, path, ending
    /// The expression is not supported or refused by Python, or takes too many steps.
    case unknown
  }

  private let names: Set<UTF8Text>
  private let expression: RegularExpression?
  private let isExpression: Bool

  init(_ names: TargetNames) {
    switch names {
    case .list(let list):
      self.names = Set(list.map { UTF8Text($0) })
      expression = nil
      isExpression = false
    case .expression(let pattern):
      self.names = []
      expression = try? RegularExpression(pattern, isWhole: true)
      isExpression = true
    }
  }

  /// - Complexity: O(components of the path) for a list.
  func match(_ path: String, budget: inout Int) -> Result {
    guard !isExpression else {
      guard
        let matches = expression?.matches(Array(path.unicodeScalars), budget: &budget) ?? nil
      else { return .unknown }
      return matches ? .path : .none
    }
    if names.contains(UTF8Text(path)) { return .path }
    var rest = path[...]
    while let dot = rest.utf8.firstIndex(of: UInt8(ascii: ".")) {
      rest = rest[rest.utf8.index(after: dot)...]
      if names.contains(UTF8Text(String(rest))) { return .ending }
    }
    return .none
  }
}
