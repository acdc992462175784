// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import PEFT
internal import Tensors
internal import Validation

/// Findings as a log of SARIF 2.1.0, a line for each, written as they come (spec/command-line.md, L80).
struct SARIFLog {
  private var isEmpty = true

  /// The rule of a unit that cannot be read.
  private static let unreadable = "unreadable"

  /// The beginning of a log with one run, whose rules are all codes.
  private static var start: String {
    var tool = JSONWriter.line
    tool.beginObject()
    tool.key("driver")
    tool.beginObject()
    tool.member("name", "peftkit")
    tool.member("version", Version.current)
    tool.key("rules")
    tool.beginArray()
    for code in Finding.Code.all.map(\.rawValue) + [unreadable] {
      tool.beginObject()
      tool.member("id", code)
      tool.endObject()
    }
    tool.endArray()
    tool.endObject()
    tool.endObject()
    return #"{"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "#
      + "\"runs\": [{\"tool\": \(String(decoding: tool.finish(), as: UTF8.self)),\n\"results\": ["
  }

  /// The text for the findings about a unit, or for one that cannot be read.
  mutating func text(
    _ path: String, _ result: Result<ValidationReport, CheckpointError>
  ) -> String {
    let results =
      switch result {
      case .success(let report): report.findings.map { Self.result($0, report.validation) }
      case .failure(let error):
        [Self.result(Self.unreadable, "error", error.description, in: path)]
      }
    return results.map { next($0) }.joined()
  }

  /// A result after those before it.
  private mutating func next(_ result: String) -> String {
    defer { isEmpty = false }
    return (isEmpty ? Self.start : ",") + "\n" + result
  }

  /// The end of the log.
  ///
  /// - Parameter isComplete: whether everything could be read.
  func end(isComplete: Bool) -> String {
    (isEmpty ? Self.start : "")
      + "\n], \"invocations\": [{\"executionSuccessful\": \(isComplete)}]}]}\n"
  }

  private static func result(_ finding: Finding, _ validation: Validation) -> String {
    let (code, level) = (finding.code.rawValue, finding.severity.rawValue)
    if let key = finding.key {
      return result(code, level, finding.message, in: validation.configPath, (key, "property"))
    }
    if let tensor = finding.tensor {
      return result(
        code, level, finding.message, in: validation.weightsPath, (tensor.string, "tensor"))
    }
    return result(code, level, finding.message, in: validation.path)
  }

  /// A result at a file, and at a key or a tensor in it.
  private static func result(
    _ code: String, _ level: String, _ message: String, in file: String,
    _ place: (name: String, kind: String)? = nil
  ) -> String {
    var writer = JSONWriter.line
    writer.beginObject()
    writer.member("ruleId", code)
    writer.member("level", level)
    writer.key("message")
    writer.beginObject()
    writer.member("text", message)
    writer.endObject()
    writer.key("locations")
    writer.beginArray()
    writer.beginObject()
    writer.key("physicalLocation")
    writer.beginObject()
    writer.key("artifactLocation")
    writer.beginObject()
    writer.member("uri", reference(to: file))
    writer.endObject()
    writer.endObject()
    if let place {
      writer.key("logicalLocations")
      writer.beginArray()
      writer.beginObject()
      writer.member("name", place.name)
      writer.member("kind", place.kind)
      writer.endObject()
      writer.endArray()
    }
    writer.endObject()
    writer.endArray()
    writer.endObject()
    return String(decoding: writer.finish(), as: UTF8.self)
  }

  /// A path as a URI reference: bytes other than letters, digits and a few marks are escaped.
  private static func reference(to path: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var text: [UInt8] = []
    for byte in path.utf8 {
      if isUnreserved(byte) {
        text.append(byte)
      } else {
        text += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return (path.hasPrefix("/") ? "file://" : "") + String(decoding: text, as: UTF8.self)
  }

  private static func isUnreserved(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "-._~/".utf8.contains(byte)
    }
  }
}

extension ValidationReport {
  /// Prints the findings as a SARIF log.
  ///
  /// - Throws: `system` when standard output cannot be written.
  func printSARIF() throws(CheckpointError) {
    var log = SARIFLog()
    var output = TextOutput()
    output.text(log.text(validation.path, .success(self)))
    output.text(log.end(isComplete: true))
    try output.print()
  }
}
