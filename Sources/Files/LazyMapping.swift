internal import Synchronization
package import Tensors

/// A mapping of a file that is made when it is first asked for.
package final class LazyMapping: Sendable {
  private let file: InputFile
  private let mapping = Mutex<SharedMapping?>(nil)

  /// Remembers the file.
  package init(_ file: InputFile) {
    self.file = file
  }

  /// The mapping.
  ///
  /// - Throws: `system` when the file cannot be mapped, `truncated` when it has shrunk.
  package func callAsFunction() throws(CheckpointError) -> SharedMapping {
    try mapping.withLock { mapping throws(CheckpointError) in
      if let mapping { return mapping }
      let new = SharedMapping(try MappedFile(file))
      mapping = new
      return new
    }
  }
}
