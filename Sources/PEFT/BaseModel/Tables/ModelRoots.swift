// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

/// Where the models of transformers have their layers, as far as no class has it below an attribute
/// `model`: `gpt_neox`, `encoder.layer`.
enum ModelRoots {
  /// Whether a path begins with a `model` that no class has in this place.
  ///
  /// - Parameter path: the components of a module's name in the base model.
  /// - Complexity: O(path).
  static func hasSurplusModel(_ path: ArraySlice<Substring>) -> Bool {
    guard path.first == "model" else { return false }
    let rest = path.dropFirst()
    guard let root = rest.first else { return false }
    if names.contains(root) { return true }
    guard let layer = rest.firstIndex(where: { Int($0) != nil }), layer > rest.startIndex else {
      return false
    }
    return names.contains(rest[..<layer].dotted[...])
  }

  /// Whether the base model of a config is one of transformers: that of a task, and of no class that
  /// the config names.
  static func describe(_ config: AdapterConfig) -> Bool {
    guard config.document["task_type"]?.string != nil else { return false }
    let library = config.document["auto_mapping"]?.object?["parent_library"]?.string
    return library?.hasPrefix("transformers.") ?? true
  }

  private static let names = Set(text.split { $0 == " " || $0 == "\n" })
}
