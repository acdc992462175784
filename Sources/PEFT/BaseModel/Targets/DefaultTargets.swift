// SPDX-License-Identifier: Apache-2.0

/// The targets that PEFT gives a config that names none, by the type of the model
/// (spec/base-model.md, P14).
enum DefaultTargets {
  /// The targets of a method.
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
      if fields[1].hasPrefix("=") { return .expression(String(fields[1].dropFirst())) }
      return .list(fields[1].split(separator: " ").map(String.init))
    }
    return nil
  }
}
