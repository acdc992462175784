// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument

extension ModuleMethod {
  /// Findings about the values that PEFT refuses: those of the rules, and sizes below their minimum,
  /// also in pattern objects (spec/adapter-methods.md, A30 and A31).
  public func crossFieldFindings(of config: AdapterConfig) -> [Finding] {
    moduleSizes.flatMap { $0.findings(about: config) } + rules.findings(about: config)
  }
}

extension ModuleSize {
  fileprivate func findings(about config: AdapterConfig) -> [Finding] {
    func finding(_ value: JSONValue, _ name: String, _ key: String) -> Finding? {
      if !allowsFraction, value.integer == nil, value.number != nil {
        return Finding(.error, "invalid-value", "\(name) is not an integer", key: key)
      }
      guard let size = value.integer, size < minimum else { return nil }
      return Finding(
        .error, "invalid-value", "\(name) is \(size), but must be at least \(minimum)", key: key)
    }
    let own = config.document[key].flatMap { finding($0, "\"\(key)\"", key) }
    guard let patternKey, let patterns = config.document[patternKey]?.object else {
      return own.map { [$0] } ?? []
    }
    return (own.map { [$0] } ?? [])
      + patterns.compactMap {
        finding($0.value, "the value of \"\($0.key)\" in \"\(patternKey)\"", patternKey)
      }
  }
}
