public import Tensors

/// Checks a range of a file that is copied, for example by its checksum.
///
/// Several threads show it the pieces of the range, in any order, each once.
public protocol RangeCheck: Sendable {
  /// Takes note of the bytes that stand at `offset` in the file.
  ///
  /// - Throws: what is wrong with the range, once all of it has been seen.
  func check(_ bytes: RawSpan, at offset: Int) throws(CheckpointError)
}
