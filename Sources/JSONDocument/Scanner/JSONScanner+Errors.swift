// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension JSONScanner {
  static var truncationHint: String { "the file may be cut off" }

  /// Checks the size, the byte order mark and the encoding of the whole text.
  func checkText() throws(CheckpointError) {
    guard bytes.count <= JSONLimits.byteCount else {
      throw tooLarge("\(bytes.count) bytes, more than \(JSONLimits.byteCount)")
    }
    if starts(with: [0xEF, 0xBB, 0xBF]) {
      throw CheckpointError.malformed("starts with a byte order mark", at: 0).hinting(
        "save the file as UTF-8 without a byte order mark")
    }
    do throws(UTF8.ValidationError) {
      _ = try UTF8Span(validating: bytes)
    } catch {
      let start = error.byteOffsets.lowerBound
      let isUTF16 = starts(with: [0xFF, 0xFE]) || starts(with: [0xFE, 0xFF])
      throw failure("is not UTF-8: \(describe(bytes[start]))", at: start).hinting(
        isUTF16 ? "the file may be UTF-16: save it as UTF-8" : nil)
    }
  }

  /// The byte at the cursor, for messages.
  var found: String { next.map { describe($0) } ?? "the end" }

  private func describe(_ byte: UInt8) -> String {
    if byte > 0x20 && byte < 0x7F {
      return "'\(Unicode.Scalar(byte))'"
    }
    let digits = String(byte, radix: 16, uppercase: true)
    return "byte 0x" + (digits.utf8.count == 1 ? "0" : "") + digits
  }

  /// An error with line and column, both counted from 1, the column in code points.
  @inline(never)
  func failure(_ message: String, at offset: Int) -> CheckpointError {
    var line = 1
    var column = 1
    for index in 0..<min(offset, bytes.count) {
      if bytes[index] == 0x0A {
        line += 1
        column = 1
      } else if bytes[index] & 0xC0 != 0x80 {
        column += 1
      }
    }
    return .malformed("\(message), at line \(line), column \(column)", at: offset)
  }

  /// An error at the cursor.
  @inline(never)
  func failure(_ message: String) -> CheckpointError {
    failure(message, at: position)
  }

  /// An error about an unexpected byte at the cursor.
  @inline(never)
  func expected(_ what: String) -> CheckpointError {
    failure("expected \(what), found \(found)").hinting(hint)
  }

  @inline(never)
  func loneSurrogate(_ unit: UInt16, at offset: Int) -> CheckpointError {
    failure(
      "a string contains an unpaired surrogate, \\u\(String(unit, radix: 16))",
      at: offset)
  }

  @inline(never)
  func tooLarge(_ what: String) -> CheckpointError {
    CheckpointError(.unsupported, "a JSON document of \(what)")
  }

  private func starts(with prefix: [UInt8]) -> Bool {
    bytes.count >= prefix.count && prefix.indices.allSatisfy { bytes[$0] == prefix[$0] }
  }

  /// Whether the cursor is at a line of seven equal characters that git writes around a conflict.
  private var isConflictMarker: Bool {
    guard let next, [UInt8(ascii: "<"), UInt8(ascii: "="), UInt8(ascii: ">")].contains(next),
      bytes.count - position >= 7
    else { return false }
    return (position..<position + 7).allSatisfy { bytes[$0] == next }
  }

  /// Advice about the byte at the cursor.
  private var hint: String? {
    if starts(with: Array("version https://git-lfs".utf8)) {
      return "this is a Git LFS pointer: fetch the file itself with git lfs pull"
    }
    if isConflictMarker {
      return "the file contains conflict markers of git: keep one side, and remove the markers"
    }
    if starts(with: [UInt8(ascii: "<")]) {
      return "this looks like an HTML page, not JSON"
    }
    switch next {
    case nil: return Self.truncationHint
    case UInt8(ascii: "'"): return "strings need double quotes"
    case UInt8(ascii: "/"), UInt8(ascii: "#"): return "JSON has no comments"
    case UInt8(ascii: "}"), UInt8(ascii: "]"): return "a comma must be followed by another entry"
    case UInt8(ascii: "T"): return "write true"
    case UInt8(ascii: "F"): return "write false"
    default: return nil
    }
  }
}
