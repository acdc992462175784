// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser

/// The form in which findings are printed.
enum ReportForm {
  case text, json, sarif
}

/// The options for the form in which findings are printed.
struct ReportFormOptions: ParsableArguments {
  @Flag(help: "Print JSON, described in spec/command-line.md.")
  var json = false

  @Flag(help: "Print a SARIF 2.1.0 log, which code hosts and editors show.")
  var sarif = false

  func validate() throws {
    if json && sarif { throw ValidationError("--json and --sarif cannot be given together") }
  }

  /// The form that the options ask for.
  var form: ReportForm { sarif ? .sarif : json ? .json : .text }
}
