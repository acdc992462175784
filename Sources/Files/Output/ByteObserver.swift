public import Tensors

/// Is shown the bytes on their way into a file, for example to take their checksum.
public protocol ByteObserver: AnyObject {
  /// Takes note of the next bytes.
  func observe(_ bytes: RawSpan)
}

/// Checks a range of a file that is copied, for example by its checksum.
///
/// Several threads show it the pieces of the range, in any order, each once.
public protocol RangeCheck: Sendable {
  /// Takes note of the bytes that stand at `offset` in the file.
  ///
  /// - Throws: what is wrong with the range, once all of it has been seen.
  func check(_ bytes: RawSpan, at offset: Int) throws(CheckpointError)
}

extension AtomicFile {
  /// Runs `body`, showing `observer` every byte that it appends, in order.
  ///
  /// Copies then pass through memory, a chunk at a time, instead of staying inside the kernel.
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
