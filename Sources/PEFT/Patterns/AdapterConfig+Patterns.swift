// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

extension AdapterConfig {
  /// Whether a key holds an object whose keys are patterns, the order of which PEFT goes by.
  static func isPatternKey(_ key: String) -> Bool { key.hasSuffix("_pattern") }

  /// The bytes that PEFT writes for this config, save that the keys in pattern objects such as
  /// `rank_pattern` keep their order, which has a meaning (spec/adapter_config.md, C3).
  ///
  /// A config that PEFT wrote is sorted, and stays the same.
  public func encodedKeepingPatternOrder() -> [UInt8] {
    var sorted = document
    sorted.sortKeys()
    var writer = JSONWriter(.python())
    writer.beginObject()
    for member in sorted {
      writer.key(member.key)
      guard Self.isPatternKey(member.key), case .object(let patterns) = member.value else {
        writer.value(member.value)
        continue
      }
      writer.beginObject()
      for pattern in patterns {
        writer.key(pattern.key)
        writer.value(pattern.value)
      }
      writer.endObject()
    }
    writer.endObject()
    return writer.finish()
  }

  /// How PEFT matches the keys of the method's pattern objects; as for most methods when the config
  /// does not tell the method.
  var matching: ModulePattern.Matching { (try? method)?.patternMatching ?? .path }

  /// The pattern objects, by their keys.
  var patternObjects: [(key: String, object: JSONObject)] {
    document.compactMap { member in
      guard Self.isPatternKey(member.key), let object = member.value.object else { return nil }
      return (member.key, object)
    }
  }

  /// The pattern objects that give some module another value once their keys are sorted, each with
  /// a pair of keys that may do so.
  public var patternsExchangedBySorting: [(key: String, exchange: ModulePatterns.Exchange)] {
    patternObjects.compactMap { key, object in
      ModulePatterns(object, matching: matching).exchangeBySorting.map { (key, $0) }
    }
  }
}
