// SPDX-License-Identifier: Apache-2.0
extension String {
  /// Whether the text is the name of a file in the same directory, on every system.
  package var isPlainFileName: Bool {
    let isPath = utf8.contains { byte in
      byte == 0 || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "\\")
    }
    // `C:weights` is a path on a drive.
    let hasDrive = unicodeScalars.dropFirst().first == ":"
    return !isPath && !hasDrive && !["", ".", ".."].contains(self)
  }
}
