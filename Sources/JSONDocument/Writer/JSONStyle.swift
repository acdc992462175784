/// How JSON is laid out and spelled.
public struct JSONStyle: Sendable, Hashable {
  /// The spaces of a level, each entry on a line of its own; nil puts everything on one line, without
  /// spaces.
  public var indent: Int?
  /// Whether everything beyond ASCII, and DEL, is written as `\uXXXX`.
  public var escapesNonASCII: Bool
  /// Whether the members of every object are sorted by key, as bytes, when a `JSONValue` is written.
  public var sortsKeys: Bool
  /// Whether the floats that JSON does not have are written as the strings `"NaN"`, `"Infinity"` and
  /// `"-Infinity"`; else as the bare words that Python reads and writes.
  public var quotesNonFinite: Bool

  /// Makes a style.
  public init(indent: Int?, escapesNonASCII: Bool, sortsKeys: Bool, quotesNonFinite: Bool) {
    self.indent = indent
    self.escapesNonASCII = escapesNonASCII
    self.sortsKeys = sortsKeys
    self.quotesNonFinite = quotesNonFinite
  }

  /// `json.dumps(x, indent=indent, sort_keys=sortedKeys)` of Python, byte for byte: how PEFT writes a
  /// config.
  public static func python(indent: Int = 2, sortedKeys: Bool = true) -> Self {
    Self(indent: indent, escapesNonASCII: true, sortsKeys: sortedKeys, quotesNonFinite: false)
  }

  /// `json.dumps(x, separators=(",", ":"), ensure_ascii=False)` of Python, but strict: floats that
  /// JSON does not have are strings.
  public static var compact: Self {
    Self(indent: nil, escapesNonASCII: false, sortsKeys: false, quotesNonFinite: true)
  }

  /// Strict JSON in UTF-8 on indented lines, in the order given: for people and programs both.
  public static var pretty: Self {
    Self(indent: 2, escapesNonASCII: false, sortsKeys: false, quotesNonFinite: true)
  }
}
