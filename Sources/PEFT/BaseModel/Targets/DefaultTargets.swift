// SPDX-License-Identifier: Apache-2.0

/// The targets that PEFT gives a config that names none, by the type of the model
/// (spec/base-model.md, P14).
enum DefaultTargets {
  /// The targets that a method has for some type of model, each once.
  ///
  /// - Complexity: O(table).
  static func choices(of method: String) -> [TargetNames] {
    var texts: Set<Substring> = []
    return text.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
      guard fields.count == 3, fields[2].split(separator: " ").contains(Substring(method)),
        texts.insert(fields[1]).inserted
      else { return nil }
      return names(fields[1])
    }
  }

  /// The targets of a method for one type of model.
  ///
  /// - Parameter method: the `peft_type`; behind a dot, a key of the config other than
  ///   `target_modules`.
  /// - Returns: nil when PEFT has none, and refuses the config.
  /// - Complexity: O(table).
  static func targets(of method: String, modelType: String) -> TargetNames? {
    guard !modelType.contains("\t") else { return nil }
    for line in text.split(separator: "\n") where line.hasPrefix(modelType + "\t") {
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
      guard fields.count == 3, fields[2].split(separator: " ").contains(Substring(method)) else {
        continue
      }
      return names(fields[1])
    }
    return nil
  }

  private static func names(_ text: Substring) -> TargetNames {
    text.hasPrefix("=")
      ? .expression(String(text.dropFirst()))
      : .list(text.split(separator: " ").map(String.init))
  }
}
