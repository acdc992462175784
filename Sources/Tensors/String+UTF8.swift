// SPDX-License-Identifier: Apache-2.0
extension String {
  /// The text of UTF-8 bytes; nil when they are not valid UTF-8.
  ///
  /// - Complexity: O(bytes).
  public init?(utf8 bytes: Span<UInt8>) {
    guard let text = try? UTF8Span(validating: bytes) else { return nil }
    self.init(copying: text)
  }

  /// Whether the bytes of a text occur in this one.
  ///
  /// - Complexity: O(bytes) for texts that begin with a rare byte.
  package func containsBytes(of text: String) -> Bool {
    utf8.span.firstOffset(of: text.utf8.span) != nil
  }

  /// The text before the first place where the bytes of `mark` occur; nil if they do not.
  ///
  /// - Complexity: as for ``containsBytes(of:)``.
  package func prefix(before mark: String) -> String? {
    guard let offset = utf8.span.firstOffset(of: mark.utf8.span) else { return nil }
    return String(self[..<utf8.index(startIndex, offsetBy: offset)])
  }

  /// Whether the text starts with the bytes of another.
  package func startsWithBytes(of text: String) -> Bool {
    utf8.span.starts(with: text.utf8.span)
  }
}

extension Substring {
  /// The components of a dotted name, empty ones included.
  ///
  /// - Complexity: O(bytes).
  package var components: [Substring] {
    let dot = UInt8(ascii: ".")
    let bytes = utf8.span
    var components: [Substring] = []
    var start = startIndex
    for offset in bytes.indices where bytes[offset] == dot {
      let end = utf8.index(startIndex, offsetBy: offset)
      components.append(self[start..<end])
      start = utf8.index(after: end)
    }
    components.append(self[start...])
    return components
  }
}

extension String {
  /// The components of a dotted name, empty ones included.
  ///
  /// - Complexity: O(bytes).
  package var components: [Substring] { self[...].components }
}

extension ArraySlice<Substring> {
  /// The dotted name of components.
  ///
  /// - Complexity: O(bytes).
  package var dotted: String {
    var name = ""
    name.reserveCapacity(reduce(count) { $0 + $1.utf8.count })
    for index in indices {
      if index > startIndex { name += "." }
      name += self[index]
    }
    return name
  }
}

extension [Substring] {
  /// The dotted name of components.
  ///
  /// - Complexity: O(bytes).
  package var dotted: String { self[...].dotted }
}
