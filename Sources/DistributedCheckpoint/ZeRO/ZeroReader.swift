// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Kernels
internal import Tensors
internal import TorchCheckpoint

/// Puts the parameters of a DeepSpeed checkpoint together, as zero_to_fp32.py does
/// (spec/distributed.md, Q17 to Q24).
struct ZeroReader {
  private let directory: ZeroDirectory
  private let models: [TorchFile]
  private let optimizers: [TorchFile]
  private let state: ZeroModelState
  private let stage: ZeroOptimizerState
  private var tensors: [AssembledTensor] = []
  private var places: [TensorName: Int] = [:]

  static let vectorPrefixes = [
    "optimizer_state_dict.single_partition_of_fp32_groups.",
    "optimizer_state_dict.fp32_flat_groups.",
  ]
  /// The most bytes of all tensors beyond 16 times the size of the files, as in a torch file.
  private static let expansion = 64 << 20

  /// Opens the files of a step.
  ///
  /// - Parameter path: the path by which the checkpoint is known.
  /// - Throws: what opening the files throws; `unsupported` for a checkpoint that is divided in
  ///   other ways; `malformed` or `missing` when the partitions do not have all that it takes.
  /// - Complexity: O(pickles + parameters · files).
  static func archive(
    _ directory: ZeroDirectory, path: String
  ) throws(CheckpointError) -> AssembledArchive {
    do throws(CheckpointError) {
      var reader = try Self(directory)
      try reader.addBuffers()
      try reader.addFrozen()
      try reader.addTrained()
      try reader.addShared()
      try reader.checkSize()
      var contents = AssembledArchive.Contents(variant: .deepSpeedZeRO, format: TorchFormat())
      contents.tensors = reader.tensors
      contents.files = (reader.models + reader.optimizers).flatMap(\.files)
      contents.codeRequest =
        (reader.models + reader.optimizers).lazy.compactMap(\.codeRequest).first
      contents.notes = [
        "put together from \(reader.optimizers.count) partitions of ZeRO stage "
          + "\(reader.stage.stage); the state of the optimizer is left out"
      ]
      return try AssembledArchive(path: path, contents)
    } catch {
      throw error.inFile(directory.path)
    }
  }

  private init(_ directory: ZeroDirectory) throws(CheckpointError) {
    self.directory = directory
    let first = try InputFile(path: directory.path(of: directory.optimizerNames[0]))
    do throws(CheckpointError) {
      stage = try ZeroOptimizerState(TorchFile.pickle(of: first))
    } catch {
      throw error.inFile(first.path)
    }
    guard stage.partitionCount >= directory.optimizerNames.count else {
      throw ZeroDirectory.unsupported(
        "has \(directory.optimizerNames.count) files for \(stage.partitionCount) partitions, since "
          + "the model itself is divided")
    }
    guard stage.partitionCount == directory.optimizerNames.count else {
      throw CheckpointError(
        .missing,
        "has \(directory.optimizerNames.count) of the \(stage.partitionCount) partitions of ZeRO",
        hint: "download the missing files")
    }
    let models = stage.stage == 3 ? directory.modelNames : Array(directory.modelNames.prefix(1))
    guard stage.stage < 3 || models.count == stage.partitionCount else {
      throw CheckpointError(
        .missing, "has \(models.count) of \(stage.partitionCount) files of the model",
        hint: "download the missing files")
    }
    self.models = try models.map { name throws(CheckpointError) in
      try TorchFile(path: directory.path(of: name))
    }
    optimizers = try directory.optimizerNames.map { name throws(CheckpointError) in
      try TorchFile(path: directory.path(of: name))
    }
    do throws(CheckpointError) {
      state = try ZeroModelState(TorchFile.pickle(of: self.models[0].files[0]))
    } catch {
      throw error.inFile(self.models[0].path)
    }
  }

  /// Adds a tensor, or replaces the one of the same name.
  private mutating func add(_ tensor: AssembledTensor) {
    let place = places[tensor.info.name, default: tensors.count]
    if place == tensors.count {
      places[tensor.info.name] = place
      tensors.append(tensor)
    } else {
      tensors[place] = tensor
    }
  }

  /// Adds a tensor that some tiles fill in the order of its elements, as F32 if it is of floats.
  private mutating func add(
    _ name: String, _ dtype: DType, _ shape: Shape, _ tiles: [TensorTile]
  ) throws(CheckpointError) {
    let isCast = dtype.isFloatingPoint && dtype != .float32
    let info = try TensorInfo(
      name: TensorName(name), dtype: isCast ? .float32 : dtype, shape: shape)
    try Tiling.check(tiles.map(\.box), fill: [info.elementCount])
    add(
      AssembledTensor(
        info, grid: [info.elementCount], elementByteCount: dtype.byteCount ?? 1, tiles: tiles,
        cast: isCast ? try Cast(from: dtype, to: .float32) : nil))
  }

  /// A tile that is all of a tensor of a file.
  private static func tile(
    _ index: Int, of archive: TorchFile, at position: Int = 0
  ) -> TensorTile {
    TensorTile(
      box: TensorBox(
        offsets: [position], sizes: [archive.tensor(at: index).elementCount]),
      piece: ArchivePiece(archive: archive, index: index))
  }

  /// Adds the buffers, which the first file of the model has.
  private mutating func addBuffers() throws(CheckpointError) {
    let names = Set(state.bufferNames.map { TensorName("module." + $0) })
    for index in 0..<models[0].tensorCount {
      let info = models[0].tensor(at: index)
      guard names.contains(info.name) else { continue }
      try add(
        String(info.name.string.dropFirst("module.".count)), info.dtype, info.shape,
        [Self.tile(index, of: models[0])])
    }
  }

  /// Adds the parameters that were not trained: whole, or in stage 3 a part in each file.
  private mutating func addFrozen() throws(CheckpointError) {
    for parameter in state.frozen {
      let name = TensorName("frozen_param_fragments." + parameter.name)
      var tiles: [TensorTile] = []
      var dtype: DType?
      var position = 0
      for model in models {
        guard let index = model.index(of: name) else {
          throw CheckpointError(
            .missing, "has no part of a parameter", path: model.path,
            tensor: TensorName(parameter.name))
        }
        let info = model.tensor(at: index)
        guard dtype == nil || dtype == info.dtype, info.dtype.byteCount != nil else {
          throw CheckpointError(
            .malformed, "is \(info.dtype)", path: model.path, tensor: TensorName(parameter.name))
        }
        dtype = info.dtype
        var tile = Self.tile(index, of: model, at: position)
        let left = parameter.elementCount - position
        guard left > 0 else { break }
        if tile.box.sizes[0] > left {
          // The last part is padded.
          guard info.shape.rank == 1 else {
            throw CheckpointError(
              .malformed, "is larger than its shape", path: model.path,
              tensor: TensorName(parameter.name))
          }
          tile = TensorTile(
            box: TensorBox(offsets: [position], sizes: [left]), piece: tile.piece, origin: [0])
        }
        position += tile.box.sizes[0]
        tiles.append(tile)
      }
      try add(parameter.name, dtype ?? .float32, Shape(parameter.sizes), tiles)
    }
  }

  /// Adds the trained parameters from the partitions of all files.
  private mutating func addTrained() throws(CheckpointError) {
    let prefix = Self.vectorPrefixes[stage.stage == 3 ? 1 : 0]
    let parameters: [FlatPartitions.Parameter]
    if stage.stage == 3 {
      var vectors: [FlatVector] = []
      for file in optimizers {
        var vector = FlatVector()
        var number = 0
        while let index = file.index(of: TensorName(prefix + "\(number)")) {
          try vector.append(index, of: file)
          number += 1
        }
        vectors.append(vector)
      }
      parameters = try FlatPartitions.scattered(state, vectors)
    } else {
      var groups: [FlatVector] = []
      for number in state.groups.indices {
        var vector = FlatVector()
        for file in optimizers {
          guard let index = file.index(of: TensorName(prefix + "\(number)")) else {
            throw CheckpointError(
              .missing, "has no partition of group \(number)", path: file.path)
          }
          try vector.append(index, of: file)
        }
        groups.append(vector)
      }
      parameters = try FlatPartitions.divided(
        state, groups, paddings: stage.paddings, fileCount: optimizers.count)
    }
    for (parameter, tiles) in parameters {
      try add(parameter.name, .float32, Shape(parameter.sizes), tiles)
    }
  }

  /// Adds the other names of parameters.
  private mutating func addShared() throws(CheckpointError) {
    for (name, original) in state.shared {
      guard let place = places[TensorName(original)] else { continue }
      let tensor = tensors[place]
      var copy = AssembledTensor(
        try TensorInfo(name: TensorName(name), dtype: tensor.info.dtype, shape: tensor.info.shape),
        grid: tensor.grid, elementByteCount: tensor.elementByteCount, tiles: tensor.tiles,
        cast: tensor.cast)
      copy.alias = tensor.alias ?? place
      if copy.alias.map({ $0 >= places[copy.info.name] ?? .max }) == true { copy.alias = nil }
      add(copy)
    }
  }

  /// Refuses names that would expand the files to many times their size.
  private func checkSize() throws(CheckpointError) {
    let fileBytes = (models + optimizers).flatMap(\.files).reduce(0) { $0 + $1.byteCount }
    let limit = Self.expansion + 16 * fileBytes
    var sum = 0
    for tensor in tensors {
      let (next, overflow) = sum.addingReportingOverflow(tensor.info.byteCount)
      guard !overflow, next <= limit else {
        throw CheckpointError(
          .unsupported, "would expand from \(fileBytes) bytes to more than \(limit)")
      }
      sum = next
    }
  }
}
