// SPDX-License-Identifier: Apache-2.0
internal import PEFT
internal import Tensors

extension TextOutput {
  /// The findings of one code that are printed; a damaged adapter may have one for each tensor.
  private static var mostOfOneCode: Int { 12 }

  /// Adds a line for each finding, and a line for those of a code that are too many.
  mutating func findings(_ findings: [Finding]) throws(CheckpointError) {
    var counts: [Finding.Code: Int] = [:]
    for finding in findings { counts[finding.code, default: 0] += 1 }
    var printed: [Finding.Code: Int] = [:]
    for finding in findings {
      let number = printed[finding.code, default: 0] + 1
      printed[finding.code] = number
      let rest = counts[finding.code, default: 0] - Self.mostOfOneCode
      if number <= Self.mostOfOneCode {
        let severity = styled(finding.severity.rawValue + ":", finding.severity.style)
        line("\(severity) \(finding.message.printable) [\(finding.code)]")
      } else if number == Self.mostOfOneCode + 1 {
        line("(and \(Sizes.count(rest)) more) [\(finding.code)]")
      }
      try flushIfLarge()
    }
  }
}

extension Finding.Severity {
  /// The color of the severity.
  var style: Style {
    switch self {
    case .error: .red
    case .warning: .yellow
    case .note: .cyan
    }
  }
}
