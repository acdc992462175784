// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
public import Tensors

/// A toy file, open for reading.
public final class ToyFile: TensorArchive {
  /// The path as it was given.
  public var path: String { file.path }
  /// The toy format.
  public var format: any CheckpointFormat { ToyFormat() }
  /// Always nil: the format has no metadata.
  public var metadata: ArchiveMetadata? { nil }
  /// The number of tensors.
  public var tensorCount: Int { header.tensors.count }
  /// The file.
  public var files: [InputFile] { [file] }

  private let file: InputFile
  private let header: ToyHeader
  private let places: [TensorName: Int]
  private let map: LazyMapping

  /// Opens a file.
  ///
  /// - Throws: `truncated` or `malformed` when it is damaged, `system` when it cannot be read.
  public init(_ file: InputFile) throws(CheckpointError) {
    self.file = file
    map = LazyMapping(file)
    var places: [TensorName: Int] = [:]
    do throws(CheckpointError) {
      header = try ToyHeader(file)
      for (place, tensor) in header.tensors.enumerated() {
        guard places.updateValue(place, forKey: tensor.name) == nil else {
          throw .malformed("duplicate tensor name").naming(tensor: tensor.name)
        }
      }
    } catch {
      throw error.inFile(file.path)
    }
    self.places = places
  }

  /// The tensor at a place in the file's order.
  public func tensor(at index: Int) -> TensorInfo { header.tensors[index] }

  /// The place of the tensor with this name.
  public func index(of name: TensorName) -> Int? { places[name] }

  /// The place of the data of a tensor in the file.
  public func location(of index: Int) -> TensorLocation {
    TensorLocation(path: path, range: header.ranges[index])
  }

  /// Lends the data of a tensor from a mapping of the file.
  ///
  /// - Throws: `system` when the file cannot be mapped, and what `body` throws.
  public func withTensor<R>(
    at index: Int, _ body: (TensorView) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    let mapping = try map()
    let bytes = mapping.bytes.extracting(header.ranges[index])
    let tensor = header.tensors[index]
    return try body(TensorView(dtype: tensor.dtype, shape: tensor.shape, bytes: bytes))
  }

  /// Passes the data of a tensor on in pieces.
  ///
  /// - Throws: `truncated` when the file has shrunk, `system` when reading fails, and what `sink`
  ///   throws.
  public func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try file.read(header.ranges[index], to: sink)
  }
}
