public import Tensors

/// The format of a checkpoint file, spelled as `inspect --json` spells it.
public enum ArchiveFormat: String, Sendable, CaseIterable {
  /// A safetensors file.
  case safetensors
}

/// A file of named tensors, whatever its format. Tensors keep the order of the file.
///
/// Opening reads no tensor data. Archives never change and may be shared between threads.
public protocol TensorArchive: AnyObject, Sendable {
  /// The path as it was given.
  var path: String { get }
  /// The format that the contents have.
  var format: ArchiveFormat { get }
  /// What the file says of itself; nil when it says nothing, which differs from an empty list.
  var metadata: ArchiveMetadata? { get }
  /// The number of tensors.
  var tensorCount: Int { get }
  /// The tensor at a place in the file's order. An index out of range is a caller's bug and traps.
  func tensor(at index: Int) -> TensorInfo
  /// The place of the tensor with this name, compared as UTF-8 bytes.
  func index(of name: TensorName) -> Int?
  /// Lends the data of a tensor, from a mapping where the file holds it as it is.
  ///
  /// - Throws: `system` when the file cannot be mapped, and what `body` throws.
  func withTensor<R>(
    at index: Int, _ body: (TensorView) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R
  /// Appends the data of a tensor to an output, read with calls and not through a mapping.
  ///
  /// - Throws: `truncated` when the file has shrunk, `system` when reading or writing fails.
  func copyTensor(at index: Int, to output: inout AtomicFile) throws(CheckpointError)
}

extension TensorArchive {
  /// All tensors, in the file's order.
  ///
  /// - Complexity: O(tensors).
  public var tensors: [TensorInfo] {
    (0..<tensorCount).map { tensor(at: $0) }
  }
}
