// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import JSONDocument
internal import SafeTensors
internal import Tensors

/// Puts tensors together from the safetensors files of a directory in which every process saved its
/// slices (spec/distributed.md, Q12 to Q15).
struct SlicedDirectory {
  /// A slice of a tensor.
  private struct Slice {
    let file: Int
    let index: Int
    let offsets: [Int]
  }

  private let directory: String
  private var shards: [SafeTensorsFile] = []
  private var names: [TensorName] = []
  private var slices: [TensorName: [Slice]] = [:]

  /// Opens the shards of a directory.
  ///
  /// - Parameter names: the names of the shards, in any order.
  /// - Throws: what opening the files throws; `malformed` for offsets that are not valid, and for
  ///   slices that do not fill their tensor; `mismatch` for slices of different dtypes; `missing`
  ///   when files of the model have no shard.
  static func archive(
    in directory: String, named names: [String]
  ) throws(CheckpointError) -> AssembledArchive {
    try checkFiles(names, in: directory)
    var reader = Self(directory: directory)
    var files: [InputFile] = []
    for name in names.sorted(by: { UTF8Text($0) < UTF8Text($1) }) {
      let file = try InputFile(
        path: directory.hasSuffix("/") ? directory + name : directory + "/" + name)
      do throws(CheckpointError) {
        try reader.add(SafeTensorsFile(file))
      } catch {
        throw error.inFile(file.path)
      }
      files.append(file)
    }
    var contents = AssembledArchive.Contents(
      variant: .safeTensorsDistributed, format: SafeTensorsFormat())
    contents.files = files
    contents.metadata = reader.commonMetadata
    for name in reader.names {
      do throws(CheckpointError) {
        contents.tensors.append(try reader.tensor(name))
      } catch {
        throw error.naming(tensor: name).inFile(directory)
      }
    }
    return try AssembledArchive(path: directory, contents)
  }

  private init(directory: String) { self.directory = directory }

  /// Checks that every file of the model has a shard: the last number of a name is their count.
  private static func checkFiles(
    _ names: [String], in directory: String
  ) throws(CheckpointError) {
    var numbers: Set<Int> = []
    var count = 0
    for name in names {
      let parts = name.split { !$0.isASCII || !$0.isNumber }.compactMap { Int($0) }
      guard parts.count == 3 else { continue }
      numbers.insert(parts[1])
      count = max(count, parts[2])
    }
    guard count <= numbers.count else {
      throw CheckpointError(
        .missing, "has shards of \(numbers.count) of the \(count) files of the model",
        path: directory, hint: "download the missing files")
    }
  }

  /// Adds the slices of a file.
  private mutating func add(_ shard: SafeTensorsFile) throws(CheckpointError) {
    var offsets: JSONObject?
    if let text = shard.metadata?[SliceNames.offsetsKey] {
      offsets = try JSONValue(parsing: Array(text.utf8)).object
    }
    for index in 0..<shard.tensorCount {
      let info = shard.tensor(at: index)
      var place = info.shape.dimensions.map { _ in 0 }
      if let offsets {
        let list = offsets[info.name.string]?["saved_offsets"]?.array
        let numbers = list?.compactMap(\.integer)
        guard let numbers, numbers.count == list?.count, numbers.count == place.count,
          numbers.allSatisfy({ $0 >= 0 })
        else {
          throw CheckpointError(
            .malformed, "has no offsets in \"\(SliceNames.offsetsKey)\"", tensor: info.name)
        }
        place = numbers
      }
      if slices[info.name] == nil { names.append(info.name) }
      slices[info.name, default: []].append(
        Slice(file: shards.count, index: index, offsets: place))
    }
    shards.append(shard)
  }

  /// A tensor of all its slices; the files do not say how large it is.
  private func tensor(_ name: TensorName) throws(CheckpointError) -> AssembledTensor {
    let slices = slices[name] ?? []
    let infos = slices.map { shards[$0.file].tensor(at: $0.index) }
    let dtype = infos[0].dtype
    var sizes = infos[0].shape.dimensions.map { _ in 0 }
    var tiles: [TensorTile] = []
    for (slice, info) in zip(slices, infos) {
      guard info.dtype == dtype, slice.offsets.count == sizes.count else {
        throw CheckpointError(
          .mismatch,
          "is \(info.dtype) \(info.shape) in \(shards[slice.file].path.printable) and \(dtype) "
            + "\(infos[0].shape) in \(shards[slices[0].file].path.printable)")
      }
      let box = TensorBox(
        offsets: slice.offsets, sizes: info.shape.dimensions.map { Int(clamping: $0) })
      for axis in sizes.indices {
        let (end, overflow) = box.offsets[axis].addingReportingOverflow(box.sizes[axis])
        guard !overflow else { throw .malformed("has an impossible offset") }
        sizes[axis] = max(sizes[axis], end)
      }
      tiles.append(
        TensorTile(box: box, piece: ArchivePiece(archive: shards[slice.file], index: slice.index)))
    }
    let info = try TensorInfo(name: name, dtype: dtype, shape: Shape(sizes))
    guard let byteCount = dtype.byteCount ?? (slices.count == 1 ? 1 : nil) else {
      throw CheckpointError(
        .unsupported, "has slices of \(dtype), whose elements are not whole bytes")
    }
    try Tiling.check(tiles.map(\.box), fill: sizes)
    return AssembledTensor(info, grid: sizes, elementByteCount: byteCount, tiles: tiles)
  }

  /// The metadata that all shards have in common, without what says that they are shards.
  private var commonMetadata: ArchiveMetadata? {
    let all = shards.compactMap(\.metadata)
    guard let first = all.first, all.count == shards.count else { return nil }
    return ArchiveMetadata(
      first.entries.filter { entry in
        !SliceNames.ownKeys.contains(entry.key)
          && all.allSatisfy { $0[entry.key].map { UTF8Text($0) } == UTF8Text(entry.value) }
      })
  }
}
