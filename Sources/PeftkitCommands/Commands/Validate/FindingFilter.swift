// SPDX-License-Identifier: Apache-2.0
public import ArgumentParser
public import PEFT
internal import Tensors

/// The options for which findings count.
struct FindingFilter: ParsableArguments {
  @Option(help: "Exit with code 1 from this severity up: error, warning or note.")
  var failOn: Finding.Severity = .warning

  @Option(
    help: ArgumentHelp(
      "Leave out the findings of a code, such as superseded-weights. Repeat for more.",
      valueName: "code"),
    completion: .list(Finding.Code.all.map(\.rawValue)),
    transform: { try Self.code($0) })
  var ignore: [Finding.Code] = []

  /// The findings that are not ignored.
  func kept(of findings: [Finding]) -> [Finding] {
    ignore.isEmpty ? findings : findings.filter { !ignore.contains($0.code) }
  }

  /// Whether none of the findings counts.
  func holds(_ findings: [Finding]) -> Bool { findings.allSatisfy { $0.severity < failOn } }

  private static func code(_ text: String) throws -> Finding.Code {
    let code = Finding.Code(rawValue: text)
    guard !Finding.Code.all.contains(code) else { return code }
    let advice = text.suggestion(from: Finding.Code.all.lazy.map(\.rawValue))
    throw ValidationError("unknown code '\(text.excerpt)'" + (advice.map { "; \($0)" } ?? ""))
  }
}

extension Finding.Severity: ExpressibleByArgument {}
