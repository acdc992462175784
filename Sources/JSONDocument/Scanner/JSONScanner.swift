// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// A strict scanner that checks a document before json-c parses it.
///
/// json-c is more lenient than Python, and changes values silently: it clamps large integers, takes
/// the last of duplicate keys, cuts keys at NUL, replaces lone surrogates and some pairs, and accepts
/// `1.` and raw line breaks in strings. json-c reads a document that passes the scanner correctly,
/// except large integers and surrogate pairs, which the scanner records.
struct JSONScanner: ~Escapable {
  /// The syntax that is expected next.
  enum State {
    case value, firstElement, firstKey, key, separator, done
  }

  /// An open array or object.
  struct Container {
    let start: Int
    /// The index in `keys` of an object's first key; nil for an array.
    let firstKey: Int?
  }

  let bytes: Span<UInt8>
  var position = 0
  var containers: [Container] = []
  /// The largest number of containers that were open at once.
  var depth = 0
  /// The keys of all open objects, the innermost last.
  var keys: [Key] = []
  var largeIntegers: [Range<Int>] = []
  var surrogatePairs: [Int] = []
  var valueCount = 0
  var objectCount = 0

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>) {
    self.bytes = bytes
  }

  /// The byte at the cursor, or nil at the end.
  var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  /// Checks the whole document.
  mutating func scan() throws(CheckpointError) -> JSONScan {
    try checkText()
    skipWhitespace()
    guard position < bytes.count else {
      throw .malformed(bytes.isEmpty ? "is empty" : "contains no JSON value")
    }
    let start = position
    var state = State.value
    while state != .done {
      skipWhitespace()
      switch state {
      case .firstElement where next == UInt8(ascii: "]"): state = close()
      case .value, .firstElement: state = try scanValue()
      case .firstKey where next == UInt8(ascii: "}"): state = close()
      case .firstKey, .key: state = try scanKey()
      case .separator: state = try scanSeparator()
      case .done: break
      }
    }
    let end = position
    skipWhitespace()
    guard position == bytes.count else {
      throw failure("expected the end after the JSON value, found \(found)")
    }
    return JSONScan(
      value: start..<end, depth: depth, largeIntegers: largeIntegers,
      surrogatePairs: surrogatePairs)
  }

  private mutating func skipWhitespace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  /// Scans a scalar or opens a container.
  private mutating func scanValue() throws(CheckpointError) -> State {
    valueCount += 1
    guard valueCount <= JSONLimits.valueCount else {
      throw tooLarge("more than \(JSONLimits.valueCount) values")
    }
    guard let byte = next else { throw expected("a value") }
    switch byte {
    case UInt8(ascii: "\""): _ = try scanString(isKey: false)
    case UInt8(ascii: "{"): return try open(isObject: true)
    case UInt8(ascii: "["): return try open(isObject: false)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try scanNumber()
    case UInt8(ascii: "t"): try scanWord("true")
    case UInt8(ascii: "f"): try scanWord("false")
    case UInt8(ascii: "n"): try scanWord("null")
    case UInt8(ascii: "N"): try scanWord("NaN")
    case UInt8(ascii: "I"): try scanWord("Infinity")
    default: throw expected("a value")
    }
    return stateAfterValue
  }

  private var stateAfterValue: State { containers.isEmpty ? .done : .separator }

  private mutating func open(isObject: Bool) throws(CheckpointError) -> State {
    guard containers.count < JSONLimits.depth else {
      throw failure("nests deeper than \(JSONLimits.depth) levels")
    }
    if isObject {
      objectCount += 1
      guard objectCount <= JSONLimits.objectCount else {
        throw tooLarge("more than \(JSONLimits.objectCount) objects")
      }
    }
    containers.append(Container(start: position, firstKey: isObject ? keys.count : nil))
    depth = max(depth, containers.count)
    position += 1
    return isObject ? .firstKey : .firstElement
  }

  private mutating func close() -> State {
    position += 1
    containers.removeLast()
    return stateAfterValue
  }

  /// Scans a key and its colon.
  private mutating func scanKey() throws(CheckpointError) -> State {
    guard next == UInt8(ascii: "\"") else { throw expected("a key in double quotes") }
    try keys.append(scanString(isKey: true))
    skipWhitespace()
    guard next == UInt8(ascii: ":") else { throw expected("':' after the key") }
    position += 1
    return .value
  }

  /// Scans the comma or bracket after a value in a container.
  private mutating func scanSeparator() throws(CheckpointError) -> State {
    let firstKey = containers.last?.firstKey
    switch (next, firstKey) {
    case (UInt8(ascii: ","), nil):
      position += 1
      return .value
    case (UInt8(ascii: ","), .some):
      position += 1
      return .key
    case (UInt8(ascii: "]"), nil):
      return close()
    case (UInt8(ascii: "}"), let firstKey?):
      try checkKeys(from: firstKey)
      return close()
    default:
      throw expected(firstKey == nil ? "',' or ']' after the value" : "',' or '}' after the value")
    }
  }
}
