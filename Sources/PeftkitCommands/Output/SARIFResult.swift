// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

/// A finding as SARIF has it.
struct SARIFResult {
  /// The code of the finding.
  var rule: String
  /// `error`, `warning` or `note`.
  var level: String
  var message: String
  /// The path of the file or the directory.
  var path: String
  /// What it concerns in the file, and the kind of that, such as `tensor`; nil for the file itself.
  var place: (name: String, kind: String)?

  /// The rule of what cannot be read.
  static let unreadable = "unreadable"

  /// The result for a file or a directory that cannot be read.
  static func unreadable(_ path: String, _ error: CheckpointError) -> SARIFResult {
    SARIFResult(rule: unreadable, level: "error", message: error.description, path: path)
  }

  /// The result as a line of JSON.
  var text: String {
    var writer = JSONWriter.line
    writer.beginObject()
    writer.member("ruleId", rule)
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
    writer.member("uri", Self.reference(to: path))
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
