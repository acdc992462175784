/// Writes JSON, piece by piece, into a buffer that can be drained on the way.
///
/// The calls follow the document: `beginObject`, then `key` and a value for each member, `endObject`.
/// Calls that make no document, such as a value without its key, are a caller's bug and trap. Keys are
/// not checked for being written twice, and only `value(_:)` sorts them.
///
/// - Complexity: each call takes time in proportion to what it writes.
public struct JSONWriter: ~Copyable {
  /// What an array or object is that is not ended yet.
  private enum Container {
    case array, object
  }

  /// How the JSON is laid out.
  public let style: JSONStyle
  /// What was written and not drained.
  var buffer = TextBuffer()
  /// The array or object that entries go to; nil before the first and after the last one.
  private var innermost: Container?
  /// Whether nothing has gone there yet. What is around an array or object that has ended holds at
  /// least that.
  private var isEmpty = true
  /// Those around it, outermost first.
  private var outer: [Container] = []
  /// The arrays and objects that are open.
  private var depth = 0
  private var hasKey = false
  private var hasRoot = false

  /// Starts a document.
  public init(_ style: JSONStyle) {
    self.style = style
  }

  /// The bytes that wait to be drained.
  public var byteCount: Int { buffer.count }

  /// Whether one whole value has been written.
  public var isComplete: Bool { hasRoot && innermost == nil }

  /// Starts an object.
  public mutating func beginObject() {
    beginValue()
    begin(.object, UInt8(ascii: "{"))
  }

  /// Ends the object that was begun last.
  public mutating func endObject() {
    end(.object, UInt8(ascii: "}"))
  }

  /// Starts an array.
  public mutating func beginArray() {
    beginValue()
    begin(.array, UInt8(ascii: "["))
  }

  /// Ends the array that was begun last.
  public mutating func endArray() {
    end(.array, UInt8(ascii: "]"))
  }

  /// Writes the key of the member whose value comes next.
  public mutating func key(_ key: String) {
    beginKey()
    appendQuoted(key)
    endKey()
  }

  /// Writes a key that the program spells: ASCII that needs no escapes, which is not checked.
  public mutating func key(plain key: StaticString) {
    beginKey()
    buffer.append(quoting: key)
    endKey()
  }

  /// Writes a truth value.
  public mutating func bool(_ value: Bool) {
    beginValue()
    append(value ? "true" : "false")
  }

  /// Writes `null`.
  public mutating func null() {
    beginValue()
    append("null")
  }

  /// Hands over what waits, and forgets it.
  ///
  /// - Throws: what `body` throws; the bytes then stay.
  public mutating func drain<E: Error>(into body: (RawSpan) throws(E) -> Void) throws(E) {
    try body(buffer.bytes)
    buffer.removeAll()
  }

  /// Ends the document. One that is not complete is a caller's bug and traps.
  ///
  /// - Returns: what was not drained.
  public consuming func finish() -> [UInt8] {
    precondition(isComplete, "a JSON document must be complete")
    return buffer.array
  }

  @inline(__always)
  private mutating func beginKey() {
    precondition(innermost == .object && !hasKey, "a key must stand in an object")
    separate()
  }

  @inline(__always)
  private mutating func endKey() {
    buffer.append(UInt8(ascii: ":"))
    if style.indent != nil { buffer.append(UInt8(ascii: " ")) }
    hasKey = true
  }

  /// Writes what comes before a value.
  @inline(__always)
  mutating func beginValue() {
    if hasKey {
      hasKey = false
    } else if let container = innermost {
      precondition(container == .array, "a value in an object must have a key")
      separate()
    } else {
      precondition(!hasRoot, "a JSON document must hold one value")
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
    precondition(innermost == container && !hasKey, "what ends must have begun")
    innermost = outer.popLast()
    depth -= 1
    if !isEmpty { breakLine() }
    isEmpty = false
    buffer.append(bracket)
  }

  /// Separates an entry of the innermost container from the one before it.
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
