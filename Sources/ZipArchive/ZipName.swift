// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// Names of zip entries: what is safe, and what is the same name to a careless reader.
package enum ZipName {
  /// Takes the bytes of a name from the index.
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

  /// What makes a name unsafe, nil when nothing does.
  package static func problem(of units: [UInt8]) -> String? {
    if units.isEmpty { return "it is empty" }
    if units.contains(0) { return "it holds a NUL" }
    if units.contains(UInt8(ascii: "\\")) { return "it holds a backslash" }
    if units[0] == UInt8(ascii: "/") { return "it is absolute" }
    var start = 0
    // A last slash marks a folder's own entry, and no part without a name follows it.
    while start < units.count {
      let end = units[start...].firstIndex(of: UInt8(ascii: "/")) ?? units.count
      if start == end { return "a folder in it has no name" }
      let isDots = end - start <= 2 && units[start..<end].allSatisfy { $0 == UInt8(ascii: ".") }
      if isDots { return "it leaves its folder" }
      start = end + 1
    }
    return nil
  }

  /// The name with ASCII letters lowered: torch looks entries up without minding their case.
  package static func folded(_ name: String) -> UTF8Text {
    guard name.utf8.contains(where: { (0x41...0x5A).contains($0) }) else { return UTF8Text(name) }
    let units = name.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    return UTF8Text(String(decoding: units, as: UTF8.self))
  }
}
