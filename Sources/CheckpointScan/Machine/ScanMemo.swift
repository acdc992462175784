// SPDX-License-Identifier: Apache-2.0

/// The memo of a pickle: an array for the indices that picklers use, and a table for all others.
struct ScanMemo: Sendable {
  private var dense: [ScanValue] = []
  private var sparse: [Int: ScanValue] = [:]

  /// The number of values.
  var count: Int { dense.count + sparse.count }

  /// The value at an index; nil if there is none.
  subscript(index: Int) -> ScanValue? {
    dense.indices.contains(index) ? dense[index] : sparse[index]
  }

  /// Stores a value at an index.
  mutating func put(_ value: ScanValue, at index: Int) {
    if dense.indices.contains(index) {
      dense[index] = value
    } else if index == dense.count, sparse[index] == nil {
      dense.append(value)
    } else {
      sparse[index] = value
    }
  }

  /// Removes all values.
  mutating func removeAll() {
    self = ScanMemo()
  }
}
