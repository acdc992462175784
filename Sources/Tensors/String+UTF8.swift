// SPDX-License-Identifier: Apache-2.0
extension String {
  /// The text of UTF-8 bytes; nil when they are not valid UTF-8.
  ///
  /// - Complexity: O(bytes).
  public init?(utf8 bytes: Span<UInt8>) {
    guard let text = try? UTF8Span(validating: bytes) else { return nil }
    self.init(copying: text)
  }
}
