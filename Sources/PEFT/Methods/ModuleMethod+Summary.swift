// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import JSONDocument

extension ModuleMethod {
  /// The sizes that the config gives modules, α, and the number of modules: `r 8`, `α 16`,
  /// `24 modules`. An ellipsis follows a size that patterns change for some modules.
  public func summary(of config: AdapterConfig, weights: any TensorArchive) -> [String] {
    let sizes = moduleSizes.compactMap { size -> String? in
      guard let value = config.integer(size.key, default: size.defaultValue), value != 0 else {
        return nil
      }
      let hasPatterns = size.patternKey.flatMap { config.document[$0]?.object?.isEmpty } == false
      return "\(size.key) \(value)\(hasPatterns ? "…" : "")"
    }
    let alpha = alphaKey.flatMap { config.document[$0]?.number }.map { alpha in
      "α " + (Int(exactly: alpha).map(String.init) ?? String(alpha))
    }
    let count = config.adaptedModules(in: weights).count
    return sizes + (alpha.map { [$0] } ?? []) + ["\(count) module\(count == 1 ? "" : "s")"]
  }
}
