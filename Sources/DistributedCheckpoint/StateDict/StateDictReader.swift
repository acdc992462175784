// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors
internal import TorchCheckpoint

/// Puts a checkpoint of torch.distributed.checkpoint together from its metadata and files.
struct StateDictReader {
  private let metadata: StateDictMetadata
  private var files: StateDictFiles
  private var contents = AssembledArchive.Contents(
    variant: .torchDistributed, format: TorchFormat())

  /// The name of the file with the metadata.
  static let metadataName = ".metadata"

  /// The last component of a path.
  static func fileName(of path: String) -> String {
    path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[path.utf8.index(after: $0)...]) }
      ?? path
  }

  /// Reads the metadata in a file, and opens the files next to it.
  ///
  /// - Parameter path: the path by which the checkpoint is known.
  /// - Throws: what `StateDictMetadata` and `StateDictFiles` throw, and `malformed` for shards that do
  ///   not fill their tensor.
  /// - Complexity: O(metadata · log metadata), and a few reads for each value that is not a tensor.
  static func archive(_ file: InputFile, path: String) throws(CheckpointError) -> AssembledArchive {
    let directory = file.path.utf8.lastIndex(of: UInt8(ascii: "/")).map { slash in
      slash == file.path.startIndex ? "/" : String(file.path[..<slash])
    }
    var reader: Self
    do throws(CheckpointError) {
      reader = Self(
        metadata: try StateDictMetadata(file), files: StateDictFiles(in: directory ?? "."))
      try reader.files.open(reader.metadata.places)
      for tensor in reader.metadata.tensors {
        do throws(CheckpointError) {
          try reader.add(tensor)
        } catch {
          throw error.naming(tensor: reader.metadata.name(of: tensor.key))
        }
      }
      for key in reader.metadata.values { try reader.add(value: key) }
    } catch {
      throw error.inFile(file.path)
    }
    reader.contents.files = [file] + reader.files.files
    if let request = reader.contents.codeRequest ?? reader.metadata.codeRequest {
      reader.contents.codeRequest = request.inFile(file.path)
      reader.contents.notes.append(
        "read without running the code that Python would run to load this checkpoint")
    }
    return try AssembledArchive(path: path, reader.contents)
  }

  private init(metadata: StateDictMetadata, files: StateDictFiles) {
    self.metadata = metadata
    self.files = files
  }

  /// Adds a tensor with its shards.
  private mutating func add(_ tensor: StateDictMetadata.Tensor) throws(CheckpointError) {
    let name = metadata.name(of: tensor.key)
    guard let dtype = tensor.dtype.dtype else {
      contents.skipped.append(
        SkippedItem(
          name: name, type: "\(tensor.dtype.name) tensor", isTensor: true,
          shape: Shape(tensor.sizes)))
      return
    }
    let info = try TensorInfo(name: name, dtype: dtype, shape: Self.shape(tensor.sizes, dtype))
    try Tiling.check(tensor.shards, fill: tensor.sizes)
    var tiles: [TensorTile] = []
    for shard in tensor.shards {
      let key = StateDictMetadata.Key(key: TensorName(tensor.key), offsets: shard.offsets)
      guard let place = metadata.places[key], let (file, range) = files.section(place) else {
        throw .malformed("has a shard without a place, \(shard)")
      }
      if let transform = place.transform {
        contents.skipped.append(
          SkippedItem(
            name: name, type: "\(dtype) tensor under \(transform.excerpt)",
            isTensor: true, shape: info.shape))
        return
      }
      let shape = try Self.shape(shard.sizes, dtype)
      // An expanded tensor would take less: torch saves none.
      guard try shape.byteCount(of: dtype) <= range.count else {
        throw CheckpointError(
          .malformed, "has a shard \(dtype) \(shape) in \(range.count) bytes",
          path: file.path, offset: range.lowerBound)
      }
      tiles.append(
        TensorTile(
          box: shard, piece: SavedPiece(file: file, range: range, dtype: dtype, shape: shape)))
    }
    contents.tensors.append(
      AssembledTensor(
        info, grid: tensor.sizes, elementByteCount: tensor.dtype.byteCount, tiles: tiles))
  }

  /// The shape of sizes as torch counts them: two elements that share a byte count once there.
  private static func shape(_ sizes: [Int], _ dtype: DType) throws(CheckpointError) -> Shape {
    var dimensions = sizes.map { UInt(max(0, $0)) }
    if dtype == .float4E2M1, let last = dimensions.last {
      dimensions[dimensions.count - 1] = last.multipliedReportingOverflow(by: 2).partialValue
    }
    return Shape(dimensions)
  }

  /// Adds a value that is not a tensor, or has tensors inside.
  private mutating func add(value key: String) throws(CheckpointError) {
    let name = metadata.name(of: key)
    let place = metadata.places[StateDictMetadata.Key(key: TensorName(key), offsets: nil)]
    guard let place, let (file, range) = files.section(place) else {
      throw CheckpointError(.malformed, "is a value without a place", tensor: name)
    }
    if let transform = place.transform {
      contents.skipped.append(
        SkippedItem(name: name, type: "value under \(transform.excerpt)", isTensor: false))
      return
    }
    do throws(CheckpointError) {
      try add(TorchFile(InputFile(file, section: range)), named: name, from: range.lowerBound)
    } catch {
      throw error.fromSection(at: range.lowerBound, of: file).naming(tensor: name)
    }
  }

  /// Adds the tensors and other values of a part of a file.
  private mutating func add(
    _ archive: TorchFile, named name: TensorName, from start: Int
  ) throws(CheckpointError) {
    if contents.codeRequest == nil {
      contents.codeRequest = archive.codeRequest?.fromSection(at: start, of: archive.files[0])
    }
    func inner(_ own: TensorName) -> TensorName {
      own.string.isEmpty || archive.isSingleTensor
        ? name : TensorName(name.string + "." + own.string)
    }
    for index in 0..<archive.tensorCount {
      let info = archive.tensor(at: index)
      let sizes = info.shape.dimensions.map { Int(clamping: $0) }
      contents.tensors.append(
        AssembledTensor(
          try TensorInfo(name: inner(info.name), dtype: info.dtype, shape: info.shape),
          grid: sizes, elementByteCount: info.dtype.byteCount ?? 1,
          tiles: [
            TensorTile(
              box: TensorBox(offsets: sizes.map { _ in 0 }, sizes: sizes),
              piece: ValuePiece(archive: archive, index: index, start: start))
          ]))
    }
    for item in archive.skipped {
      contents.skipped.append(
        SkippedItem(
          name: inner(item.name), type: item.type, isTensor: item.isTensor, shape: item.shape))
    }
  }
}
