// SPDX-License-Identifier: Apache-2.0
internal import CheckpointScan
internal import Tensors

extension ScannedTree {
  /// Prints the findings as a SARIF log (spec/scan.md, S32).
  ///
  /// - Throws: `system` when standard output cannot be written.
  func printSARIF() throws(CheckpointError) {
    var log = SARIFLog(codes: ScanFinding.Code.allCases.map(\.rawValue))
    var output = TextOutput()
    for file in files {
      output.text(log.text(file.sarifResults))
      try output.flushIfLarge()
    }
    output.text(log.text(failures.map { .unreadable($0.path ?? path, $0) }))
    output.text(log.end(isComplete: failures.isEmpty))
    try output.print()
  }
}

extension ScannedFile {
  fileprivate var sarifResults: [SARIFResult] {
    report.findings.map { finding in
      SARIFResult(
        rule: finding.code.rawValue, level: finding.asksForCode ? "error" : "warning",
        message: finding.message + (finding.offset.map { " (byte \($0))" } ?? ""), path: path,
        place: finding.place.map { ($0, "record") })
    }
  }
}
