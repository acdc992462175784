// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// The names of zip entries: which are safe, and which are the same to some readers.
package enum ZipName {
  /// Reads a name of the index.
  ///
  /// - Throws: `malformed` unless it is a relative path of named folders in UTF-8.
  static func parse(_ bytes: RawSpan, at offset: Int) throws(CheckpointError) -> String {
    // SAFETY: the buffer is copied before the closure returns.
    let units = unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
    guard let name = String(utf8: units.span) else {
      throw .malformed("an entry's name is not valid UTF-8", at: offset)
    }
    if let problem = problem(of: units) {
      throw .malformed("the entry name \"\(name.excerpt)\" is unsafe: \(problem)", at: offset)
    }
    return name
  }

  /// The reason that a name is unsafe; nil if it is safe.
  package static func problem(of units: [UInt8]) -> String? {
    if units.isEmpty { return "it is empty" }
    if units.contains(0) { return "it contains a NUL" }
    if units.contains(UInt8(ascii: "\\")) { return "it contains a backslash" }
    if units[0] == UInt8(ascii: "/") { return "it is absolute" }
    var start = 0
    // A slash at the end marks the entry of a folder.
    while start < units.count {
      let end = units[start...].firstIndex(of: UInt8(ascii: "/")) ?? units.count
      if start == end { return "a folder in it has no name" }
      let isDots = end - start <= 2 && units[start..<end].allSatisfy { $0 == UInt8(ascii: ".") }
      if isDots { return "it leaves its folder" }
      start = end + 1
    }
    return nil
  }

  /// The name in lower case (ASCII): torch ignores case when it looks up entries.
  package static func folded(_ name: String) -> UTF8Text {
    guard name.utf8.contains(where: { (0x41...0x5A).contains($0) }) else { return UTF8Text(name) }
    let units = name.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    return UTF8Text(String(decoding: units, as: UTF8.self))
  }
}
