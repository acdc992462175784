// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument

extension AdapterConfig {
  /// Findings about the config alone (spec/adapter_config.md, C20 to C29, C34, C38 to C41).
  ///
  /// - Parameter options: what the config is checked against.
  public func findings(_ options: FindingOptions = FindingOptions()) -> [Finding] {
    readingFindings(options) + runtimeFindings(options, weights: nil)
  }

  /// Findings about what PEFT reads of the config.
  func readingFindings(_ options: FindingOptions) -> [Finding] {
    let release = options.release ?? .newest
    let reading = readingFindings(in: release) + [layoutFinding(in: release)].compactMap(\.self)
    guard let method = try? method else { return reading }
    return method.findings(about: self, fieldFindings: reading)
  }

  /// Findings about the weights that go with the config, which do not depend on the name of the base model.
  func findings(about weights: any TensorArchive, _ options: FindingOptions) -> [Finding] {
    let ofRuntime = runtimeFindings(options, weights: weights)
    guard let method = try? method else { return ofRuntime }
    return Attachment(AttachmentRules(method, self), weights).findings + ofRuntime
  }

  private func runtimeFindings(
    _ options: FindingOptions, weights: (any TensorArchive)?
  ) -> [Finding] {
    guard let runtime = options.runtime else { return [] }
    return RuntimeFindings(runtime: runtime).findings(about: self, weights: weights)
  }

  /// The config without the keys that name the base model.
  var withoutBaseModel: AdapterConfig {
    var config = self
    for key in ["base_model_name_or_path", "revision"] { config.document.removeValue(forKey: key) }
    return config
  }
}
