// SPDX-License-Identifier: Apache-2.0
public import JSONDocument
internal import Tensors

/// A pattern object with the same keys and values in two configs, whose order gives modules other
/// values.
public struct PatternOrderChange: Sendable {
  /// A module with different values in the two configs; nil is the method's default.
  public struct Module: Sendable, Hashable {
    /// The module's name in the base model.
    public let name: String
    /// The value in the first config.
    public let left: JSONValue?
    /// The value in the second config.
    public let right: JSONValue?

    /// Names a module and its two values.
    public init(name: String, left: JSONValue?, right: JSONValue?) {
      self.name = name
      self.left = left
      self.right = right
    }
  }

  /// The key of the pattern object.
  public let key: String
  /// The object in the first config.
  public let left: JSONObject
  /// The object in the second config.
  public let right: JSONObject
  /// The modules; empty where patterns could not be matched, so that the change is only possible.
  public let modules: [Module]
}

extension PatternOrderChange {
  /// The pattern objects of two configs that differ in the order of their keys, where it matters.
  ///
  /// - Parameters:
  ///   - left: a config.
  ///   - right: the config that it is compared with.
  ///   - modules: the modules that the adapters change, by their names in the base model.
  /// - Complexity: O(modules · keys) matches, bounded.
  public static func changes(
    from left: AdapterConfig, to right: AdapterConfig, modules: @autoclosure () -> [String]
  ) -> [Self] {
    let reordered = left.patternObjects.compactMap { key, object in
      guard let other = right.document[key]?.object,
        !object.map(\.key).elementsEqual(
          other.map(\.key), by: { UTF8Text($0) == UTF8Text($1) }),
        JSONValue.object(object).encoded(.python()) == JSONValue.object(other).encoded(.python())
      else { return nil as (key: String, left: JSONObject, right: JSONObject)? }
      return (key, object, other)
    }
    guard !reordered.isEmpty else { return [] }
    var seen: Set<UTF8Text> = []
    let names = modules().filter { seen.insert(UTF8Text($0)).inserted }
    return reordered.compactMap {
      change($0.key, $0.left, $0.right, matching: left.matching, modules: names)
    }
  }

  private static func change(
    _ key: String, _ left: JSONObject, _ right: JSONObject, matching: ModulePattern.Matching,
    modules: [String]
  ) -> Self? {
    let leftPatterns = ModulePatterns(left, matching: matching)
    let rightPatterns = ModulePatterns(right, matching: matching)
    var budget = ModulePatterns.largestBudget
    var changed: [Module] = []
    // Without modules nothing shows that the order does not matter.
    var isUnknown = modules.isEmpty
    for name in modules {
      let values = (
        leftPatterns.value(for: name, budget: &budget),
        rightPatterns.value(for: name, budget: &budget)
      )
      switch values {
      case (.unknown, _), (_, .unknown): isUnknown = true
      case (.none, .none): continue
      case (.value(let one), .value(let other)):
        if one != other { changed.append(Module(name: name, left: one, right: other)) }
      case (.value(let one), .none): changed.append(Module(name: name, left: one, right: nil))
      case (.none, .value(let other)):
        changed.append(Module(name: name, left: nil, right: other))
      }
    }
    guard isUnknown || !changed.isEmpty else { return nil }
    return Self(key: key, left: left, right: right, modules: changed)
  }
}
