// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import JSONDocument
internal import PEFT
internal import Synchronization
internal import Tensors
internal import Validation

/// `validate --recursive`: prints a line for each unit as it is checked, and a summary (spec/
/// command-line.md, L71 to L73).
final class TreeReport: Sendable {
  private struct State {
    var output = TextOutput()
    var sarif = SARIFLog.ofValidation
    var summary = TreeSummary()
  }

  private let root: String
  private let filter: FindingFilter
  private let form: ReportForm
  private let state = Mutex(State())

  init(root: String, filter: FindingFilter, form: ReportForm) {
    self.root = root
    self.filter = filter
    self.form = form
  }

  /// Checks the tree and prints the report.
  ///
  /// - Returns: the exit code of the worst unit; nil for success.
  /// - Throws: `missing` when there is nothing to check, and what walking and printing throws.
  func run(_ options: FindingOptions) throws(CheckpointError) -> ExitCode? {
    try ProgressLine.showing { seconds in
      "\(Sizes.count(self.state.withLock { $0.summary.checked })) checked  \(Sizes.duration(seconds))"
    } while: { () throws(CheckpointError) in
      try TreeValidation(root: root, options: options).run { item throws(CheckpointError) in
        try self.add(item)
      }
    }
    return try state.withLock { state throws(CheckpointError) in
      guard state.summary.checked > 0 else {
        throw CheckpointError(
          .missing, "contains no adapter, no model and no checkpoint file", path: root)
      }
      switch form {
      case .text: state.output.line("\(root.printable): \(state.summary.text)")
      case .json: state.output.line(state.summary.line(in: root))
      case .sarif: state.output.text(state.sarif.end(isComplete: state.summary.unreadable == 0))
      }
      try state.output.flush()
      return state.summary.exitCode
    }
  }

  /// Counts a unit and prints its line.
  private func add(_ item: TreeValidation.Item) throws(CheckpointError) {
    let result = item.result.map { ValidationReport($0, filter) }
    try state.withLock { state throws(CheckpointError) in
      state.summary.add(result)
      switch form {
      case .text:
        if let line = textLine(item.path, result, state.output) { state.output.line(line) }
      case .json: state.output.line(jsonLine(item.path, result))
      case .sarif:
        state.output.text(state.sarif.text(sarifResults(item.path, result)))
      }
      try state.output.flushIfLarge()
    }
  }

  /// The line of a unit with findings, or that cannot be read; nil for others.
  private func textLine(
    _ path: String, _ result: Result<ValidationReport, CheckpointError>,
    _ output: borrowing TextOutput
  ) -> String? {
    switch result {
    case .failure(let error):
      return "\(path.printable): \(output.styled("unreadable:", .red)) \(error.inside(path))"
    case .success(let report):
      guard let worst = report.findings.map(\.severity).max() else { return nil }
      let counts = Finding.Severity.allCases.compactMap { severity -> String? in
        let count = report.findings.count { $0.severity == severity }
        return count > 0 ? Sizes.count(count, severity.rawValue) : nil
      }
      var codes: [Finding.Code] = []
      for finding in report.findings where !codes.contains(finding.code) {
        codes.append(finding.code)
      }
      return "\(path.printable): \(output.styled(counts.joined(separator: ", "), worst.style)) "
        + "[\(codes.map(\.rawValue).joined(separator: ", "))]"
    }
  }

  private func sarifResults(
    _ path: String, _ result: Result<ValidationReport, CheckpointError>
  ) -> [SARIFResult] {
    switch result {
    case .success(let report): report.sarifResults
    case .failure(let error): [.unreadable(path, error)]
    }
  }

  private func jsonLine(
    _ path: String, _ result: Result<ValidationReport, CheckpointError>
  ) -> String {
    var writer = JSONWriter.line
    switch result {
    case .success(let report): report.write(to: &writer)
    case .failure(let error):
      writer.beginObject()
      writer.member("path", path)
      writer.member("kind", "unreadable")
      writer.member("holds", false)
      writer.member("error", error.description)
      writer.member("hint", error.advice(wording: \.inFlags))
      writer.endObject()
    }
    return String(decoding: writer.finish(), as: UTF8.self)
  }
}

extension CheckpointError {
  /// The description of an error about a path or something below it, without the path.
  fileprivate func inside(_ path: String) -> String {
    description.hasPrefix(path.printable + ": ")
      ? String(description.dropFirst(path.printable.count + 2)) : description
  }
}
