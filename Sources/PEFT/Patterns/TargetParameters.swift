// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

/// The parameters that a config adapts directly, `target_parameters`, such as those of experts.
package struct TargetParameters: Sendable {
  /// The most parameters that are looked up for each module; configs have a few.
  private static let largestCount = 64

  private let parameters: [String]
  /// Whether the config names more parameters than any adapter has, so that none is looked up.
  let isTooLarge: Bool

  /// Reads a config.
  package init(_ config: AdapterConfig) {
    let values = config.document["target_parameters"]?.array ?? []
    isTooLarge = values.count > Self.largestCount
    parameters = isTooLarge ? [] : values.compactMap(\.string)
  }

  /// Whether the config adapts no parameters.
  package var isEmpty: Bool { parameters.isEmpty }

  /// The names of the adapted parameters of a module, with the module's own name.
  ///
  /// - Complexity: O(module), with a bounded number of comparisons.
  package func names(in module: String) -> [String] {
    parameters.compactMap { parameter in
      guard let dot = parameter.lastIndex(of: ".") else {
        // The name of a parameter alone: of which module is known of experts only.
        return module == "experts" || module.hasSuffix(".experts") ? module + "." + parameter : nil
      }
      let parent = parameter[..<dot]
      guard module == parent || module.hasSuffix("." + parent) else { return nil }
      return module + parameter[dot...]
    }
  }
}
