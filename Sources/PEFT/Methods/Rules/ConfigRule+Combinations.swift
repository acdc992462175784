// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

/// Rules about several keys together.
extension ConfigRule {
  /// `layers_to_transform` needs a list of target modules: in a regular expression the layers are
  /// part of the expression.
  static var layersNeedTargetList: Self { needsTargetList("layers_to_transform") }

  /// `layers_pattern` needs a list of target modules.
  static var layersPatternNeedsTargetList: Self { needsTargetList("layers_pattern") }

  /// `layers_pattern` needs `layers_to_transform`.
  static var layersPatternNeedsLayers: Self {
    Self("layers_pattern") { config in
      guard config.isSet("layers_pattern"), !config.isEmpty("layers_pattern"),
        !config.isSet("layers_to_transform")
      else { return nil }
      return "\"layers_pattern\" is set without \"layers_to_transform\": set the layers, or remove "
        + "the pattern"
    }
  }

  /// The three rules above.
  static var layerSelection: [Self] {
    [layersNeedTargetList, layersPatternNeedsTargetList, layersPatternNeedsLayers]
  }

  /// One of two sizes is set, and the other is 0.
  static func exactlyOne(_ first: String, _ second: String) -> Self {
    Self(first) { config in
      guard let one = config.integer(first, default: nil),
        let other = config.integer(second, default: nil), (one == 0) == (other == 0)
      else { return nil }
      return one == 0
        ? "\"\(first)\" and \"\(second)\" are both 0: one of them must be set"
        : "\"\(first)\" is \(one) and \"\(second)\" is \(other), but only one may be set: the other "
          + "follows from it and must be 0"
    }
  }

  /// The first size divides the second.
  static func divides(_ divisor: String, _ dividend: String) -> Self {
    Self(dividend) { config in
      guard let divisorValue = config.integer(divisor, default: nil), divisorValue >= 1,
        let value = config.integer(dividend, default: nil), value % divisorValue != 0
      else { return nil }
      return "\"\(dividend)\" is \(value), which \"\(divisor)\" = \(divisorValue) does not divide"
    }
  }

  private static func needsTargetList(_ key: String) -> Self {
    Self(key) { config in
      guard config.document["target_modules"]?.string != nil, config.isSet(key) else { return nil }
      return "\"\(key)\" is set, but \"target_modules\" is a regular expression: give a list of "
        + "modules, or make the layers part of the expression"
    }
  }
}

extension AdapterConfig {
  /// Whether a key has a value other than null.
  fileprivate func isSet(_ key: String) -> Bool {
    switch document[key] {
    case nil, .null?: false
    default: true
    }
  }

  /// Whether a key has an empty string or list.
  fileprivate func isEmpty(_ key: String) -> Bool {
    document[key]?.string?.isEmpty ?? document[key]?.array?.isEmpty ?? false
  }
}
