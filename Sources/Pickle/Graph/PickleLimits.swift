// SPDX-License-Identifier: Apache-2.0

/// The limits beyond which a pickle is refused.
package struct PickleLimits: Sendable, Hashable {
  /// The largest pickle, in bytes; offsets in it take 28 bits.
  package static let largestPickle = 1 << 28

  /// The most levels of values inside each other.
  package var depth = 1000
  /// The most values that a walk over a pickle visits.
  package var items = 10_000_000
  /// The length from which the numbers of a list are counted and not kept.
  package static let keptNumbers = 1 << 16

  /// The most values on the stack.
  package var stack = 1 << 20
  /// The working memory for the graph, in bytes.
  package private(set) var graphByteCount = 20 << 20
  /// The working memory for the tables of tensors, in bytes.
  package private(set) var tableByteCount = 24 << 20
  /// The largest pickle in a compressed record, in bytes.
  package var deflatedPickle = 16 << 20
  /// The most bytes that tensors may expand to beyond 16 times the size of their file.
  package var expansion = 64 << 20

  /// The usual limits.
  package init() {}

  /// The limits with memory in proportion to a file and its pickle.
  ///
  /// Tensors take three times as much memory as their part of the pickle.
  package func scaled(fileByteCount: Int, pickleByteCount: Int) -> Self {
    let rest = max(0, fileByteCount - pickleByteCount)
    let share = min(rest / 2 + 3 * pickleByteCount, 1 << 28)
    var limits = self
    limits.graphByteCount += share
    limits.tableByteCount += share
    return limits
  }

  /// The same limits with other amounts of working memory, in bytes.
  package func with(graphByteCount: Int, tableByteCount: Int) -> Self {
    var limits = self
    limits.graphByteCount = graphByteCount
    limits.tableByteCount = tableByteCount
    return limits
  }
}
