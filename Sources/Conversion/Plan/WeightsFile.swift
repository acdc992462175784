public import Archives
internal import Checkpoints
internal import Files
internal import NumPyArchive
internal import SafeTensors
public import Tensors
internal import TorchCheckpoint

/// A file of tensors that is to be written: which, from where, in which format.
public struct WeightsFile: Sendable {
  /// One of its tensors.
  public struct Tensor: Sendable {
    /// The tensor as it will be written, without its place.
    public let info: TensorInfo
    /// Its dtype in the source.
    public let sourceDType: DType
    /// Its name in the source.
    public let sourceName: TensorName
    /// Where its data stands.
    public let source: TensorLocation
    /// Where its data will stand in the file; nil where that depends on how well others compress.
    public let range: Range<Int>?
  }

  /// The format.
  public let format: CheckpointFormat
  /// The tensors as they will be written, read from the source when they are asked for.
  public let archive: any TensorArchive

  let source: any TensorArchive
  /// For each tensor its place in the source.
  let members: [Int]
  let options: ConversionOptions
  /// The path that torch would have been given, after which it names a folder.
  let name: String

  /// The files that the tensors are read from: of a set of shards only those.
  ///
  /// - Complexity: O(tensors · log shards).
  var files: [InputFile] {
    (source as? ShardedArchive)?.files(holding: members) ?? source.files
  }

  /// The number of tensors.
  public var tensorCount: Int { members.count }

  /// The tensors with their places, in the order of `archive`, and the size of the file.
  ///
  /// - Returns: no size where that depends on how well the tensors compress.
  /// - Throws: `malformed` or `unsupported` for tensors that the format cannot hold together.
  /// - Complexity: O(tensors · log tensors).
  public func layout() throws(CheckpointError) -> (tensors: [Tensor], byteCount: Int?) {
    let places = try places()
    let tensors = members.enumerated().map { place, index in
      let origin = source.tensor(at: index)
      return Tensor(
        info: archive.tensor(at: place), sourceDType: origin.dtype, sourceName: origin.name,
        source: source.location(of: index), range: places.ranges?[place])
    }
    return (tensors, places.byteCount)
  }

  private func places() throws(CheckpointError) -> (ranges: [Range<Int>]?, byteCount: Int?) {
    let tensors = archive.tensors
    switch format {
    case .safetensors:
      let layout = try SafeTensorsLayout(
        tensors: tensors, metadata: archive.metadata, reservedByteCount: options.headerReserve)
      return (tensors.indices.map { layout.dataRange(of: $0) }, layout.byteCount)
    case .torch:
      let layout = try TorchWriter.layout(of: archive, path: name, layout: options.torchLayout)
      return (layout.ranges, layout.byteCount)
    case .npz:
      guard !options.compresses else { return (nil, nil) }
      let layout = try NpzLayout(tensors: tensors)
      return (tensors.indices.map { layout.dataRange(of: $0) ?? 0..<0 }, layout.byteCount)
    case .npy:
      let layout = try NpyLayout(Self.onlyTensor(of: archive))
      return ([layout.dataRange], layout.byteCount)
    }
  }

  /// Writes the file.
  func write(to output: inout AtomicFile) throws(CheckpointError) {
    do throws(CheckpointError) {
      switch format {
      case .safetensors:
        try SafeTensorsWriter.write(
          archive, metadata: archive.metadata, reservedByteCount: options.headerReserve,
          to: &output)
      case .torch:
        try TorchWriter.write(archive, path: name, layout: options.torchLayout, to: &output)
      case .npz:
        try NumPyWriter.writeArchive(
          archive, compression: options.compresses ? .deflated : .stored, to: &output)
      case .npy:
        _ = try Self.onlyTensor(of: archive)
        try NumPyWriter.writeArray(archive, to: &output)
      }
    } catch {
      throw error.inFile(archive.path)
    }
  }

  /// The same file, whose tensors are shown to a watcher when they are written.
  func watched(by watcher: any TensorWatcher) -> Self {
    WeightsFile(
      format: format, archive: WatchedArchive(archive, watcher: watcher, writtenAs: format),
      source: source, members: members, options: options, name: name)
  }

  private static func onlyTensor(
    of archive: any TensorArchive
  ) throws(CheckpointError) -> TensorInfo {
    guard archive.tensorCount == 1 else {
      throw CheckpointError(
        .unsupported, "cannot become npy, which is one tensor: it has \(archive.tensorCount)",
        path: archive.path, hint: "--include NAME chooses one; npz holds several")
    }
    return archive.tensor(at: 0)
  }
}
