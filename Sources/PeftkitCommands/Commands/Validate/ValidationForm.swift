// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser

/// The form in which findings are printed.
enum ValidationForm {
  case text, json, sarif
}

/// The options for the form in which findings are printed.
struct ValidationFormOptions: ParsableArguments {
  @Flag(help: "Print JSON, described in spec/command-line.md; with --recursive, JSON lines.")
  var json = false

  @Flag(help: "Print a SARIF 2.1.0 log, which code hosts and editors show.")
  var sarif = false

  func validate() throws {
    if json && sarif { throw ValidationError("--json and --sarif cannot be given together") }
  }

  /// The form that the options ask for.
  var form: ValidationForm { sarif ? .sarif : json ? .json : .text }
}
