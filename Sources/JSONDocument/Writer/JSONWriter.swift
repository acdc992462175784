// SPDX-License-Identifier: Apache-2.0

/// A streaming JSON writer with a buffer that can be drained at any time.
///
/// The calls follow the document: `beginObject`, then `key` and a value for each member, `endObject`.
/// Calls in another order, such as a value without its key, trap. Duplicate keys are not detected, and
/// only `value(_:)` sorts keys.
///
/// - Complexity: each call takes time in proportion to its output.
public struct JSONWriter: ~Copyable {
  /// The kind of an open container.
  private enum Container {
    case array, object
  }

  /// The layout of the JSON.
  public let style: JSONStyle
  /// The bytes that were written and not drained.
  var buffer = TextBuffer()
  /// The innermost open container; nil before the first and after the last one.
  private var innermost: Container?
  /// Whether the innermost container is still empty. A container around a closed one is not empty.
  private var isEmpty = true
  /// The containers around it, outermost first.
  private var outer: [Container] = []
  /// The number of open containers.
  private var depth = 0
  private var hasKey = false
  private var hasRoot = false

  /// Starts a document.
  public init(_ style: JSONStyle) {
    self.style = style
  }

  /// The number of bytes that are not drained.
  public var byteCount: Int { buffer.count }

  /// Whether one whole value has been written.
  public var isComplete: Bool { hasRoot && innermost == nil }

  /// Starts an object.
  public mutating func beginObject() {
    beginValue()
    begin(.object, UInt8(ascii: "{"))
  }

  /// Ends the innermost object.
  public mutating func endObject() {
    end(.object, UInt8(ascii: "}"))
  }

  /// Starts an array.
  public mutating func beginArray() {
    beginValue()
    begin(.array, UInt8(ascii: "["))
  }

  /// Ends the innermost array.
  public mutating func endArray() {
    end(.array, UInt8(ascii: "]"))
  }

  /// Writes a key. The next value belongs to it.
  public mutating func key(_ key: String) {
    beginKey()
    appendQuoted(key)
    endKey()
  }

  /// Writes a key literal of the program: ASCII that needs no escapes, which is not checked.
  public mutating func key(plain key: StaticString) {
    beginKey()
    buffer.append(quoting: key)
    endKey()
  }

  /// Writes a boolean.
  public mutating func bool(_ value: Bool) {
    beginValue()
    append(value ? "true" : "false")
  }

  /// Writes `null`.
  public mutating func null() {
    beginValue()
    append("null")
  }

  /// Passes the buffered bytes to a closure, and removes them.
  ///
  /// - Throws: the error of `body`; the bytes are kept then.
  public mutating func drain<E: Error>(into body: (RawSpan) throws(E) -> Void) throws(E) {
    try body(buffer.bytes)
    buffer.removeAll()
  }

  /// Ends the document. An incomplete document traps.
  ///
  /// - Returns: the bytes that were not drained.
  public consuming func finish() -> [UInt8] {
    precondition(isComplete, "a JSON document must be complete")
    return buffer.array
  }

  @inline(__always)
  private mutating func beginKey() {
    precondition(innermost == .object && !hasKey, "a key must be in an object")
    separate()
  }

  @inline(__always)
  private mutating func endKey() {
    if style.indent != nil {
      buffer.append(UInt8(ascii: ":"), UInt8(ascii: " "))
    } else {
      buffer.append(UInt8(ascii: ":"))
    }
    hasKey = true
  }

  /// Writes the separator before a value.
  @inline(__always)
  mutating func beginValue() {
    if hasKey {
      hasKey = false
    } else if let container = innermost {
      precondition(container == .array, "a value in an object must have a key")
      separate()
    } else {
      precondition(!hasRoot, "a JSON document must contain one value")
      hasRoot = true
    }
  }

  /// Writes ASCII that needs no escapes.
  mutating func append(_ text: StaticString) {
    buffer.append(text)
  }

  @inline(__always)
  private mutating func begin(_ container: Container, _ bracket: UInt8) {
    buffer.append(bracket)
    if let innermost { outer.append(innermost) }
    innermost = container
    isEmpty = true
    depth += 1
  }

  @inline(__always)
  private mutating func end(_ container: Container, _ bracket: UInt8) {
    precondition(innermost == container && !hasKey, "an end must match the innermost begin")
    innermost = outer.isEmpty ? nil : outer.removeLast()
    depth -= 1
    if !isEmpty { breakLine() }
    isEmpty = false
    buffer.append(bracket)
  }

  /// Separates an entry of the innermost container from the previous one.
  @inline(__always)
  private mutating func separate() {
    if !isEmpty { buffer.append(UInt8(ascii: ",")) }
    isEmpty = false
    breakLine()
  }

  @inline(__always)
  private mutating func breakLine() {
    if let indent = style.indent { buffer.append(lineBreakBefore: indent * depth) }
  }
}
