// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// Matches paths of modules with `modules_to_save`.
///
/// PEFT asks twice, in two ways: what it saves is every module whose path ends with a name, be it
/// within a component; what it therefore does not adapt is found by an expression of the name
/// (spec/base-model.md, P13).
struct SavedModuleMatcher: Sendable {
  private let endings: [String]
  private let expressions: [(literal: Bool, text: String, expression: RegularExpression?)]

  init(_ names: [String]) {
    endings = names
    expressions = names.map { name in
      let isLiteral = name.isPlainName
      return (isLiteral, name, isLiteral ? nil : try? RegularExpression(Self.expression(name)))
    }
  }

  /// The expression that PEFT makes of a name.
  static func expression(_ name: String) -> String { "(^|.*\\.)\(name)($|\\..*)" }

  var isEmpty: Bool { endings.isEmpty }

  /// Whether PEFT saves the module at a path.
  func saves(_ path: String, budget: inout Int) -> Bool {
    budget -= endings.count
    return endings.contains { path.hasSuffixBytes($0) }
  }

  /// Whether PEFT does not adapt the module at a path, since it or one around it is saved.
  func excludes(_ path: String, budget: inout Int) -> Bool {
    guard !endings.isEmpty else { return false }
    let components = path.components
    return expressions.contains { isLiteral, text, expression in
      budget -= components.count
      guard budget >= 0 else { return false }
      if isLiteral { return components.contains { $0 == text } }
      return expression?.matches(Array(path.unicodeScalars), budget: &budget) ?? false
    }
  }
}

extension String {
  /// Whether the UTF-8 bytes end with those of other text.
  func hasSuffixBytes(_ other: String) -> Bool {
    utf8.count >= other.utf8.count && utf8.suffix(other.utf8.count).elementsEqual(other.utf8)
  }
}
