// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

/// The regular expressions of a config, as PEFT gives them to Python's `re`
/// (spec/adapter-methods.md, A43).
struct ConfigExpressions {
  /// An expression of a config.
  private struct Item {
    let key: String
    /// The value in words: `"target_modules"`, or `the key "q" of "rank_pattern"`.
    let subject: String
    let expression: String
    var isWhole = false
  }

  private let config: AdapterConfig
  private let matching: ModulePattern.Matching

  /// The expressions of a config whose pattern objects are matched in a way.
  init(_ config: AdapterConfig, matching: ModulePattern.Matching) {
    self.config = config
    self.matching = matching
  }

  /// Findings about expressions that Python refuses, and about those that are not matched here.
  ///
  /// - Complexity: O(bytes of the expressions).
  var findings: [Finding] {
    items.compactMap { item in
      do throws(RegularExpression.Failure) {
        _ = try RegularExpression(item.expression, isWhole: item.isWhole)
        return nil
      } catch {
        switch error {
        case .refused(let reason):
          return Finding(
            .error, "invalid-expression",
            "\(item.subject) is not a valid regular expression: \(reason); PEFT raises an error",
            key: item.key)
        case .unsupported:
          return Finding(
            .note, "unmatched-expression",
            "\(item.subject) is a regular expression that is not evaluated here: which modules it "
              + "matches is unknown", key: item.key)
        }
      }
    }
  }

  private var items: [Item] {
    wholeExpressions + savedModules + layers + patternKeys
  }

  /// The expressions for whole names of modules.
  private var wholeExpressions: [Item] {
    ["target_modules", "exclude_modules", "feedforward_modules"].compactMap { key in
      guard let names = TargetNames(config.document[key]), case .expression(let text) = names,
        !text.isEmpty, !names.isAllLinear
      else { return nil }
      return Item(key: key, subject: "\"\(key)\"", expression: text, isWhole: true)
    }
  }

  /// The names of saved modules, which PEFT also looks for as expressions.
  private var savedModules: [Item] {
    let key = "modules_to_save"
    return (config.document[key]?.array ?? []).compactMap(\.string).filter { !$0.isPlainName }.map {
      Item(
        key: key, subject: "\"\($0.excerpt)\" in \"\(key)\"",
        expression: SavedModuleMatcher.expression($0))
    }
  }

  private var layers: [Item] {
    let key = "layers_pattern"
    guard config.document["target_modules"]?.string == nil else { return [] }
    return (LayerSelection.patterns(of: config) ?? []).map {
      Item(key: key, subject: "\"\(key)\"", expression: LayerSelection.expression($0))
    }
  }

  private var patternKeys: [Item] {
    config.patternObjects.flatMap { key, object in
      object.compactMap { member in
        ModulePattern.expression(member.key, matching: matching).map {
          Item(key: key, subject: "the key \"\(member.key.excerpt)\" of \"\(key)\"", expression: $0)
        }
      }
    }
  }
}

extension String {
  /// Whether the text is a word of ASCII letters, digits and underscores.
  var isPlainName: Bool {
    unicodeScalars.allSatisfy { $0.isASCII && ScalarSet.Category.word.contains($0) }
  }
}
