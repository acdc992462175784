// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// Observes bytes as they are written to a file, for example to compute a checksum.
public protocol ByteObserver: AnyObject {
  /// Receives the next bytes of the file.
  func observe(_ bytes: RawSpan)
}

/// Checks a range of a file during a copy, for example against a checksum.
///
/// Several threads pass it the pieces of the range, in any order, each once.
public protocol RangeCheck: Sendable {
  /// Receives the bytes at `offset` in the source file.
  ///
  /// - Throws: the error in the range, on the call that completes it.
  func check(_ bytes: RawSpan, at offset: Int) throws(CheckpointError)
}

extension AtomicFile {
  /// Runs `body`, and passes every byte that it appends to `observer`, in order.
  ///
  /// Copies then go through memory, a chunk at a time, instead of staying in the kernel.
  ///
  /// - Throws: what `body` throws.
  public mutating func observing(
    by observer: any ByteObserver, _ body: (inout AtomicFile) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    observers.append(observer)
    defer { observers.removeLast() }
    try body(&self)
  }
}
