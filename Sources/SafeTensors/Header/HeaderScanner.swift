// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The JSON lexer of a safetensors header: one pass, no recursion, bounds checked.
///
/// It accepts what serde_json accepts when it buffers a value for the reference implementation
/// (spec/safetensors.md, R7 to R12): strict JSON, at most 127 levels, numbers that fit a double.
struct HeaderScanner: ~Escapable {
  /// The header, valid UTF-8.
  let bytes: Span<UInt8>
  /// The offset of the header in the file, for errors.
  let baseOffset: Int
  var position = 0
  /// The number of open objects and arrays.
  var depth = 0

  /// serde_json's limit; the header's object is the first level (spec/safetensors.md R9).
  static let deepestNesting = 127

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>, baseOffset: Int) {
    self.bytes = bytes
    self.baseOffset = baseOffset
  }

  /// The byte at the cursor, nil at the end.
  @inline(__always)
  var current: UInt8? {
    position < bytes.count ? bytes[position] : nil
  }

  /// The kind of value that starts at the cursor, with an article, for messages.
  var currentKind: String {
    switch current {
    case UInt8(ascii: "{"): "an object"
    case UInt8(ascii: "["): "an array"
    case UInt8(ascii: "n"): "null"
    case UInt8(ascii: "t"), UInt8(ascii: "f"): "a boolean"
    case UInt8(ascii: "-"): "a number"
    case let byte? where (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte): "a number"
    default: "something else"
    }
  }

  @inline(__always)
  mutating func skipWhitespace() {
    // Writers produce none, so that testing one byte is usually enough.
    guard let byte = current, byte <= UInt8(ascii: " ") else { return }
    skipRun()
  }

  private mutating func skipRun() {
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"):
        position += 1
      default:
        return
      }
    }
  }

  /// Skips white space and consumes `byte` if it is next.
  @inline(__always)
  mutating func take(_ byte: UInt8) -> Bool {
    skipWhitespace()
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  /// Skips white space and consumes `byte`, which must be next.
  @inline(__always)
  mutating func expect(_ byte: UInt8, _ meaning: StaticString) throws(CheckpointError) {
    guard take(byte) else { throw failure("expected \(meaning)") }
  }

  /// Opens an object or array: `byte` must be next.
  @inline(__always)
  mutating func open(_ byte: UInt8, _ meaning: StaticString) throws(CheckpointError) {
    try expect(byte, meaning)
    depth += 1
    guard depth <= Self.deepestNesting else {
      throw failure("nested deeper than \(Self.deepestNesting) levels", at: position - 1)
    }
  }

  /// After an element: consumes the comma, or the closing byte of the object or array.
  ///
  /// - Returns: whether another element follows.
  @inline(__always)
  mutating func continues(until closing: UInt8) throws(CheckpointError) -> Bool {
    if take(UInt8(ascii: ",")) { return true }
    guard take(closing) else {
      throw failure("expected , or \(Character(Unicode.Scalar(closing)))")
    }
    depth -= 1
    return false
  }

  /// Right after `open`: consumes the closing byte of an empty object or array.
  ///
  /// - Returns: whether it is empty.
  mutating func isEmpty(until closing: UInt8) -> Bool {
    guard take(closing) else { return false }
    depth -= 1
    return true
  }

  /// Scans `null`, `true` or `false`.
  mutating func scanLiteral(_ literal: StaticString) throws(CheckpointError) {
    let text = literal.description.utf8
    guard text.count <= bytes.count - position else { throw failure("expected a value") }
    for byte in text {
      guard bytes[position] == byte else { throw failure("expected a value") }
      position += 1
    }
  }

  /// Skips a value of any kind, with a stack instead of recursion.
  mutating func skipValue() throws(CheckpointError) {
    // One bit per level distinguishes arrays and objects: 127 levels fit in two words.
    var levels = NestingStack()
    while true {
      skipWhitespace()
      switch current {
      case UInt8(ascii: "{"):
        try open(UInt8(ascii: "{"), "{")
        if !isEmpty(until: UInt8(ascii: "}")) {
          levels.push(isObject: true)
          try skipKey()
          continue
        }
      case UInt8(ascii: "["):
        try open(UInt8(ascii: "["), "[")
        if !isEmpty(until: UInt8(ascii: "]")) {
          levels.push(isObject: false)
          continue
        }
      case UInt8(ascii: "\""): _ = try scanString()
      case UInt8(ascii: "n"): try scanLiteral("null")
      case UInt8(ascii: "t"): try scanLiteral("true")
      case UInt8(ascii: "f"): try scanLiteral("false")
      case _ where isAtNumber: _ = try scanNumber()
      default: throw failure("expected a value")
      }
      // After a value: close the objects and arrays that end here.
      while true {
        guard let isObject = levels.top else { return }
        let closing = isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")
        if try continues(until: closing) {
          if isObject { try skipKey() }
          break
        }
        levels.pop()
      }
    }
  }

  private mutating func skipKey() throws(CheckpointError) {
    skipWhitespace()
    _ = try scanString()
    try expect(UInt8(ascii: ":"), ":")
  }

  /// An error at the cursor.
  @inline(never)
  func failure(_ message: String) -> CheckpointError {
    failure(message, at: position)
  }

  /// An error at a byte of the header.
  @inline(never)
  func failure(_ message: String, at position: Int) -> CheckpointError {
    .malformed("the header is not valid: \(message)", at: baseOffset + position)
  }
}

/// Whether each open level is an object, innermost last, in a fixed 128 bits.
private struct NestingStack {
  private var bits: UInt128 = 0
  private var count = 0

  var top: Bool? { count == 0 ? nil : bits & 1 == 1 }

  mutating func push(isObject: Bool) {
    bits = bits << 1 | (isObject ? 1 : 0)
    count += 1
  }

  mutating func pop() {
    bits >>= 1
    count -= 1
  }
}
