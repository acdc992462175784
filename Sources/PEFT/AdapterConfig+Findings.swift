// SPDX-License-Identifier: Apache-2.0
internal import Archives

extension AdapterConfig {
  /// Findings about the config alone (spec/adapter_config.md, C20 to C29, C34, C38 to C41).
  ///
  /// - Parameter options: what the config is checked against.
  public func findings(_ options: FindingOptions = FindingOptions()) -> [Finding] {
    findings(with: nil, options)
  }

  /// Findings about the config, and about the weights that go with it.
  func findings(with weights: (any TensorArchive)?, _ options: FindingOptions) -> [Finding] {
    let findings = findingsOfPEFT(with: weights, in: options.release ?? .newest)
    guard let runtime = options.runtime else { return findings }
    return findings
      + RuntimeFindings(runtime: runtime).findings(about: self, weights: weights)
  }

  private func findingsOfPEFT(
    with weights: (any TensorArchive)?, in release: ExaminedRelease
  ) -> [Finding] {
    let reading = readingFindings(in: release) + [layoutFinding(in: release)].compactMap(\.self)
    guard let method = try? method else { return reading }
    let findings = method.findings(about: self, fieldFindings: reading)
    guard let weights else { return findings }
    return findings + Attachment(AttachmentRules(method, self), weights).findings
  }
}
