// SPDX-License-Identifier: Apache-2.0

/// The memo of a pickle: a table where it is numbered as picklers do, with room for any other index.
struct ScanMemo: Sendable {
  private var dense: [ScanValue] = []
  private var sparse: [Int: ScanValue] = [:]

  /// The number of values held.
  var count: Int { dense.count + sparse.count }

  /// The value at an index, nil when none was put there.
  subscript(index: Int) -> ScanValue? {
    dense.indices.contains(index) ? dense[index] : sparse[index]
  }

  /// Puts a value at an index.
  mutating func put(_ value: ScanValue, at index: Int) {
    if dense.indices.contains(index) {
      dense[index] = value
    } else if index == dense.count, sparse[index] == nil {
      dense.append(value)
    } else {
      sparse[index] = value
    }
  }

  /// Lets go of everything.
  mutating func removeAll() {
    self = ScanMemo()
  }
}
