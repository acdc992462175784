// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

/// Rules about the value of one key.
extension ConfigRule {
  /// An integer is not below a minimum.
  static func atLeast(_ minimum: Int, _ key: String) -> Self {
    Self(key) { config in
      guard let value = config.integer(key, default: nil), value < minimum else { return nil }
      return "\"\(key)\" is \(value), but must be at least \(minimum)"
    }
  }

  /// A number lies in a range, which `expectation` describes: `at least 0 and below 1`.
  static func number(
    _ key: String, _ expectation: String, holds: @escaping @Sendable (Double) -> Bool
  ) -> Self {
    Self(key) { config in
      guard let value = config.number(key, default: nil), !holds(value) else { return nil }
      return "\"\(key)\" is \(value), but must be \(expectation)"
    }
  }

  /// A string is one of a few.
  static func oneOf(_ key: String, _ values: [String]) -> Self {
    Self(key) { config in
      guard let value = config.document[key]?.string, !values.contains(where: { $0 == value })
      else {
        return nil
      }
      return "\"\(key)\" is \"\(value)\", but must be \(Self.alternatives(values))"
    }
  }

  /// A key that has no effect is at its default: PEFT warns of another value.
  static func unused(_ key: String, usual: Int, _ reason: String) -> Self {
    Self(key, severity: .note) { config in
      guard let value = config.integer(key, default: usual), value != usual else { return nil }
      return "\"\(key)\" is \(value), which PEFT warns of, and ignores: \(reason)"
    }
  }

  /// `bias` is none, all, or a word that ends with `_only`.
  static var bias: Self {
    Self("bias") { config in
      guard let value = config.document["bias"]?.string, value != "none", value != "all",
        !value.hasSuffix("_only")
      else { return nil }
      return "\"bias\" is \"\(value)\", but must be none, all, or a word that ends with _only"
    }
  }

  private static func alternatives(_ values: [String]) -> String {
    guard values.count > 1, let last = values.last else { return values.joined() }
    return values.dropLast().joined(separator: ", ") + " or " + last
  }
}
