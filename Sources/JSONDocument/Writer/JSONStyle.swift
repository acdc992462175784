// SPDX-License-Identifier: Apache-2.0

/// Layout and spelling of JSON.
public struct JSONStyle: Sendable, Hashable {
  /// The spaces per level, with each entry on a line of its own; nil for a single line without
  /// spaces.
  public var indent: Int?
  /// Whether everything beyond ASCII, and DEL, is written as `\uXXXX`.
  public var escapesNonASCII: Bool
  /// Whether the members of every object are sorted by key, as bytes, when a `JSONValue` is written.
  public var sortsKeys: Bool
  /// Whether the floats that JSON lacks are written as the strings `"NaN"`, `"Infinity"` and
  /// `"-Infinity"`, and not as the bare words that Python reads and writes.
  public var quotesNonFinite: Bool

  /// Creates a style.
  public init(indent: Int?, escapesNonASCII: Bool, sortsKeys: Bool, quotesNonFinite: Bool) {
    self.indent = indent
    self.escapesNonASCII = escapesNonASCII
    self.sortsKeys = sortsKeys
    self.quotesNonFinite = quotesNonFinite
  }

  /// Python's `json.dumps(x, indent=indent, sort_keys=sortedKeys)`, byte for byte, as PEFT writes a
  /// config.
  public static func python(indent: Int = 2, sortedKeys: Bool = true) -> Self {
    Self(indent: indent, escapesNonASCII: true, sortsKeys: sortedKeys, quotesNonFinite: false)
  }

  /// Python's `json.dumps(x, separators=(",", ":"), ensure_ascii=False)`, but strict: floats that JSON
  /// lacks are strings.
  public static var compact: Self {
    Self(indent: nil, escapesNonASCII: false, sortsKeys: false, quotesNonFinite: true)
  }

  /// Strict JSON in UTF-8 on indented lines, in the given order, for people and programs.
  public static var pretty: Self {
    Self(indent: 2, escapesNonASCII: false, sortsKeys: false, quotesNonFinite: true)
  }
}
