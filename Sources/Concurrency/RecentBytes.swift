// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// Bytes as a key of `RecentValues`, compared without the overhead of generic code.
package struct RecentBytes: Equatable, Sendable {
  private let bytes: [UInt8]

  /// Creates a key.
  package init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Whether two keys have the same bytes.
  ///
  /// - Complexity: O(1) for keys of different lengths, else O(bytes).
  package static func == (left: Self, right: Self) -> Bool {
    left.bytes.span.hasSameBytes(as: right.bytes.span)
  }
}
