// SPDX-License-Identifier: Apache-2.0
extension Array {
  /// Creates an empty array with room for `capacity` elements, on large pages if it takes at least
  /// 2 MiB and the system has them: the page faults of a large table cost more than computing its
  /// elements.
  package init(roomFor capacity: Int) {
    self.init(capacity: capacity) { output in
      // SAFETY: nothing is written, and nothing is counted as initialized.
      unsafe output.withUnsafeMutableBufferPointer { buffer, _ in
        let memory = UnsafeMutableRawBufferPointer(buffer)
        if memory.count >= 1 << 21 { unsafe SystemCalls.preferLargePages(memory) }
      }
    }
  }
}
