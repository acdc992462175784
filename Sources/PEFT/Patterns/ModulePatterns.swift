// SPDX-License-Identifier: Apache-2.0
public import JSONDocument
internal import Tensors

/// An object whose keys are patterns of module names, such as `rank_pattern`: PEFT takes the value
/// of the first key that matches a module.
public struct ModulePatterns: Sendable {
  /// The value that an object gives a module.
  public enum Value: Sendable, Hashable {
    /// The value of the first key that matches.
    case value(JSONValue)
    /// No key matches: the method's own default applies.
    case none
    /// A key could not be matched, and no earlier one matches.
    case unknown
  }

  /// The steps that all matching for one answer may take.
  static let largestBudget = 50_000_000

  private let object: JSONObject
  private let patterns: [ModulePattern]

  /// Reads the keys.
  public init(_ object: JSONObject, matching: ModulePattern.Matching) {
    self.object = object
    patterns = object.map { ModulePattern($0.key, matching: matching) }
  }

  /// The value for a module.
  ///
  /// - Parameters:
  ///   - module: the module's name in the base model.
  ///   - budget: the steps that may be taken; those taken are subtracted.
  /// - Complexity: O(keys · module), plus the steps of the expressions.
  public func value(for module: String, budget: inout Int) -> Value {
    let scalars = Array(module.unicodeScalars)
    for (place, pattern) in patterns.enumerated() {
      switch pattern.matches(scalars, budget: &budget) {
      case true?: return .value(object[place].value)
      case false?: continue
      case nil: return .unknown
      }
    }
    // PEFT then looks up the name itself.
    return object[module].map { .value($0) } ?? .none
  }
}

extension ModulePatterns {
  /// Two keys in the order of the file, which sorting exchanges, and with them a module's value.
  public struct Exchange: Sendable, Hashable {
    /// The key that comes first in the file.
    public let first: String
    /// The key that comes first when sorted.
    public let second: String
  }

  /// The most pairs of keys that are looked at.
  private static let largestPairCount = 1_000_000

  /// A pair of keys that sorting exchanges, that have different values, and that may match one
  /// module.
  ///
  /// Two plain names are decided exactly. Any other key, and every pair beyond a limit, is assumed
  /// to match a module in common.
  ///
  /// - Complexity: O(keys²), bounded.
  public var exchangeBySorting: Exchange? {
    var pairCount = 0
    for (place, first) in object.enumerated() {
      for later in object.indices.dropFirst(place + 1) {
        let second = object[later]
        pairCount += 1
        guard UTF8Text(second.key) < UTF8Text(first.key), first.value != second.value else {
          continue
        }
        if pairCount > Self.largestPairCount || patterns[place].mayOverlap(patterns[later]) {
          return Exchange(first: first.key, second: second.key)
        }
      }
    }
    return nil
  }
}

extension ModulePattern {
  /// Whether some module may match both keys.
  func mayOverlap(_ other: Self) -> Bool {
    guard matching != .exact else { return false }
    guard let literal, let otherLiteral = other.literal, matching != .anywhere else { return true }
    let (short, long) =
      literal.count < otherLiteral.count ? (literal, otherLiteral) : (otherLiteral, literal)
    // Both end where the name ends, and a dot is before the shorter one.
    let aligned = zip(short.reversed(), long.reversed())
    guard aligned.allSatisfy({ $0 == nil || $1 == nil || $0 == $1 }) else { return false }
    guard short.count < long.count else { return true }
    let before = long[long.count - short.count - 1]
    return before == nil || before == "."
  }
}
