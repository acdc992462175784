// SPDX-License-Identifier: Apache-2.0
internal import PEFT
internal import Tensors
internal import Validation

extension SARIFLog {
  /// An empty log of findings about adapters.
  static var ofValidation: SARIFLog { SARIFLog(codes: Finding.Code.all.map(\.rawValue)) }
}

extension ValidationReport {
  /// The findings as SARIF has them: at the config, the weights or the path (spec/command-line.md, L80).
  var sarifResults: [SARIFResult] { findings.map(sarifResult) }

  private func sarifResult(_ finding: Finding) -> SARIFResult {
    var result = SARIFResult(
      rule: finding.code.rawValue, level: finding.severity.rawValue, message: finding.message,
      path: validation.path)
    if let key = finding.key {
      result.path = validation.configPath
      result.place = (key, "property")
    } else if let tensor = finding.tensor {
      result.path = validation.weightsPath
      result.place = (tensor.string, "tensor")
    }
    return result
  }

  /// Prints the findings as a SARIF log.
  ///
  /// - Throws: `system` when standard output cannot be written.
  func printSARIF() throws(CheckpointError) {
    var log = SARIFLog.ofValidation
    var output = TextOutput()
    output.text(log.text(sarifResults))
    output.text(log.end(isComplete: true))
    try output.print()
  }
}
