// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors

/// An archive that shows its tensors to a watcher while they are read.
final class WatchedArchive: ArchiveDecorator {
  let base: any TensorArchive
  private let watcher: any TensorWatcher
  private let written: any CheckpointFormat

  /// Shows tensors as readers of a file in this format see them.
  init(
    _ base: any TensorArchive, watcher: any TensorWatcher, writtenAs format: any CheckpointFormat
  ) {
    self.base = base
    self.watcher = watcher
    written = format
  }

  func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try watching(index) { observer throws(CheckpointError) in
      try base.readTensor(at: index) { piece throws(CheckpointError) in
        observer.observe(piece)
        try sink(piece)
      }
    }
  }

  func copyTensor(at index: Int, to output: inout AtomicFile) throws(CheckpointError) {
    try watching(index) { observer throws(CheckpointError) in
      try output.observing(by: observer) { output throws(CheckpointError) in
        try base.copyTensor(at: index, to: &output)
      }
    }
  }

  private func watching(
    _ index: Int, _ body: (any ByteObserver) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    let info = base.tensor(at: index)
    let seen = TensorInfo(
      name: info.name, dtype: written.storedDType(for: info.dtype) ?? info.dtype,
      shape: info.shape, byteCount: info.byteCount, dataOffsets: nil)
    let observer = watcher.watch(seen)
    try body(observer)
    watcher.finish(seen, shownTo: observer)
  }
}
