// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// A result that a command prints: as text for people, as JSON for programs.
protocol Report {
  /// Writes the result as text.
  func writeText(to output: inout TextOutput) throws(CheckpointError)

  /// Writes the result as one JSON value.
  func writeJSON(to output: inout JSONOutput) throws(CheckpointError)
}

/// Prints a report to standard output.
///
/// - Throws: what the report throws, or `system` when standard output cannot be written.
func print(_ report: some Report, json: Bool) throws(CheckpointError) {
  if json {
    var output = JSONOutput()
    try report.writeJSON(to: &output)
    try output.print()
  } else {
    var output = TextOutput()
    try report.writeText(to: &output)
    try output.print()
  }
}
