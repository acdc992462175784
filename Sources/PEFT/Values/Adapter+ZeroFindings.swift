// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Kernels
internal import Tensors

extension Adapter {
  /// Findings about tensors that are wholly zero, or have the value from before training
  /// (spec/findings.md, G7).
  func zeroFindings(of surveys: [ValueSurvey]) -> [Finding] {
    guard surveys.contains(where: { $0.isZero || $0.isOne }), let method = try? config.method
    else { return [] }
    let unwritten = Set(ZeroTail.all(of: weights, surveys).flatMap(\.tensors))
    return method.zeroFindings(about: config, in: weights) { index in
      unwritten.contains(index) ? nil : surveys[index]
    }
  }
}

extension AdapterMethod {
  /// Findings about tensors with the value from before training.
  ///
  /// - Parameter survey: the survey of a tensor; nil for one that is not to be reported.
  fileprivate func zeroFindings(
    about config: AdapterConfig, in weights: any TensorArchive, survey: (Int) -> ValueSurvey?
  ) -> [Finding] {
    guard let typed = try? self.config(config) else { return [] }
    let prompts = expectedTensors(for: typed).compactMap { weights.index(of: $0.name) }
    let zeroPrompts = prompts.filter { survey($0)?.isZero ?? false }
    var findings = zeroPrompts.map { index in
      let name = weights.tensor(at: index).name
      return Finding(.warning, "zero-tensor", "\(name) is wholly zero", tensor: name)
    }
    var fresh = FreshTensors(moduleForms(for: typed))
    guard !fresh.isEmpty else { return findings }
    for index in 0..<weights.tensorCount {
      guard let survey = survey(index) else { continue }
      fresh.add(weights.tensor(at: index).name, survey)
    }
    findings += fresh.findings
    return findings
  }
}
