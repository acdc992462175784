// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

/// Findings as a log of SARIF 2.1.0, a line for each, written as they come (spec/command-line.md, L80).
struct SARIFLog {
  private let start: String
  private var isEmpty = true

  /// Creates a log with one run.
  ///
  /// - Parameter codes: the codes of all findings that there may be.
  init(codes: some Sequence<String>) {
    start = Self.start(rules: codes + [SARIFResult.unreadable])
  }

  private static func start(rules: [String]) -> String {
    var tool = JSONWriter.line
    tool.beginObject()
    tool.key("driver")
    tool.beginObject()
    tool.member("name", "peftkit")
    tool.member("version", Version.current)
    tool.key("rules")
    tool.beginArray()
    for rule in rules {
      tool.beginObject()
      tool.member("id", rule)
      tool.endObject()
    }
    tool.endArray()
    tool.endObject()
    tool.endObject()
    return #"{"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "#
      + "\"runs\": [{\"tool\": \(String(decoding: tool.finish(), as: UTF8.self)),\n\"results\": ["
  }

  /// The text for results after those before them.
  mutating func text(_ results: [SARIFResult]) -> String {
    var text = ""
    for result in results {
      text += (isEmpty ? start : ",") + "\n" + result.text
      isEmpty = false
    }
    return text
  }

  /// The end of the log.
  ///
  /// - Parameter isComplete: whether everything could be read.
  func end(isComplete: Bool) -> String {
    (isEmpty ? start : "") + "\n], \"invocations\": [{\"executionSuccessful\": \(isComplete)}]}]}\n"
  }
}
