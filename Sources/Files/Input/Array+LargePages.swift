extension Array {
  /// An empty array with room for many elements, on large pages where that pays and the system has
  /// them: filling the many small pages of a large table takes longer than computing what goes there.
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
