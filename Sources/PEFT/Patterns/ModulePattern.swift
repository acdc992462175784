// SPDX-License-Identifier: Apache-2.0

/// A key of `rank_pattern`, `alpha_pattern` and their like, which says for which modules a value
/// is.
///
/// Keys come out of files: matching takes a bounded number of steps.
public struct ModulePattern: Sendable {
  /// How a method of PEFT asks whether a key is for a module.
  public enum Matching: Sendable, Hashable {
    /// `re.match(rf"(.*\.)?({key})$", module)`.
    case path
    /// `re.match(rf".*\.{key}$", module)`.
    case submodule
    /// `re.search(key, module)`.
    case anywhere
    /// The key is the name itself.
    case exact
  }

  /// The key.
  public let key: String
  let matching: Matching
  /// The scalars that the key takes one after another, nil for any but a line feed; nil where the
  /// key is more than that.
  let literal: [Unicode.Scalar?]?
  /// The whole expression; nil where it is not needed, or not supported.
  private let expression: RegularExpression?

  /// Reads a key.
  public init(_ key: String, matching: Matching) {
    self.key = key
    self.matching = matching
    literal = Self.literal(key)
    expression = Self.expression(key, matching: matching).flatMap { try? RegularExpression($0) }
  }

  /// The expression that PEFT makes of a key; nil for a key that is matched without one.
  static func expression(_ key: String, matching: Matching) -> String? {
    guard matching != .exact, literal(key) == nil else { return nil }
    return switch matching {
    case .path: "(.*\\.)?(\(key))$"
    case .submodule: ".*\\.\(key)$"
    case .anywhere, .exact: key
    }
  }

  /// Whether the key is for a module.
  ///
  /// - Parameters:
  ///   - module: the module's name in the base model.
  ///   - budget: the steps that may be taken; those taken are subtracted.
  /// - Returns: nil when that is unknown: Python refuses the key, its syntax is not supported, or
  ///   the budget is used up.
  /// - Complexity: O(key · module).
  public func matches(_ module: String, budget: inout Int) -> Bool? {
    matches(Array(module.unicodeScalars), budget: &budget)
  }

  func matches(_ module: [Unicode.Scalar], budget: inout Int) -> Bool? {
    budget -= 1
    guard budget >= 0 else { return nil }
    guard matching != .exact else { return module.elementsEqual(key.unicodeScalars) }
    guard let literal else {
      return expression?.matches(module, anywhere: matching == .anywhere, budget: &budget) ?? nil
    }
    // `.` and `$` treat a line feed specially, and no module name contains one.
    guard !module.contains("\n") else { return nil }
    switch matching {
    case .anywhere:
      budget -= module.count
      return (0...max(0, module.count - literal.count)).contains {
        Self.matches(literal, module[$0...])
      }
    case .path, .submodule, .exact:
      let start = module.count - literal.count
      guard start >= 0, Self.matches(literal, module[start...]) else { return false }
      return start == 0 ? matching == .path : module[start - 1] == "."
    }
  }

  private static func matches(
    _ literal: [Unicode.Scalar?], _ text: ArraySlice<Unicode.Scalar>
  ) -> Bool {
    literal.count <= text.count && zip(literal, text).allSatisfy { $0 == nil || $0 == $1 }
  }

  /// The scalars of a key that has nothing but names, dots and escaped punctuation.
  private static func literal(_ key: String) -> [Unicode.Scalar?]? {
    var literal: [Unicode.Scalar?] = []
    var isEscaped = false
    for scalar in key.unicodeScalars {
      let isWord = scalar.isASCII && ScalarSet.Category.word.contains(scalar)
      if isEscaped {
        guard scalar.isASCII, !isWord || scalar == "_", scalar.value > 32 else { return nil }
        literal.append(scalar)
        isEscaped = false
      } else if scalar == "\\" {
        isEscaped = true
      } else if isWord || scalar == "-" || scalar == "/" {
        literal.append(scalar)
      } else if scalar == "." {
        literal.append(nil)
      } else {
        return nil
      }
    }
    return isEscaped ? nil : literal
  }
}
