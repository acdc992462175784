// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
public import Tensors
internal import ZipArchive

/// Writes torch checkpoints, byte for byte as `torch.save` writes a dict of tensors.
///
/// The bytes are those that a release of torch on Linux writes for the same dict, if no two tensors
/// share a storage and no storage is larger than its tensor. Python is not needed.
public enum TorchWriter {
  /// Whether torch has this dtype.
  public static func canWrite(_ dtype: DType) -> Bool {
    TorchEncoding(dtype) != nil
  }

  /// Writes the tensors of an archive as a dict. One chunk of data is in memory at a time.
  ///
  /// - Parameters:
  ///   - archive: the source of the tensors, of any format.
  ///   - order: the order of the dict and the Python types of its values; nil writes plain tensors
  ///     in the order of the archive.
  ///   - path: the path of the output, after which the folder inside is named.
  ///   - layout: the layout, named after a release of torch.
  ///   - output: the output, still empty. The caller commits it.
  /// - Throws: `unsupported`, naming the tensor, for a dtype or shape that torch does not have;
  ///   `invalidArgument` for a path without a name; `truncated` or `system` when reading or writing
  ///   fails.
  public static func write(
    _ archive: any TensorArchive, order: StateDictOrder? = nil, path: String,
    layout: TorchLayout = .newest, to output: inout AtomicFile
  ) throws(CheckpointError) {
    let order = order ?? .archiveOrder(tensorCount: archive.tensorCount)
    try write(archive.entries(in: order), path: path, layout: layout, to: &output) {
      index, output throws(CheckpointError) in
      try archive.copyTensor(at: order.indices[index], to: &output)
    }
  }

  /// The bytes that `torch.save` writes for a tensor that is not in a dict, in memory.
  ///
  /// - Parameters:
  ///   - tensor: the dtype, the shape and the elements.
  ///   - path: the path of the file that the bytes are for, after which the folder inside is named;
  ///     nil for bytes that are sent, for which torch has no path either.
  ///   - layout: the layout, named after a release of torch.
  /// - Throws: `unsupported` for a dtype or shape that torch does not have; `invalidArgument` for a
  ///   path without a name.
  /// - Complexity: O(bytes).
  public static func bytes(
    ofBareTensor tensor: TensorView, path: String?, layout: TorchLayout = .newest
  ) throws(CheckpointError) -> [UInt8] {
    let info = try TensorInfo(name: "tensor", dtype: tensor.dtype, shape: tensor.shape)
    precondition(
      info.byteCount == tensor.bytes.byteCount, "the data must have the size of the tensor")
    let plan = try TorchPlan(bareTensor: info, path: path, layout: layout)
    var file: [UInt8] = []
    var checksums: [UInt32] = []
    for (record, content) in zip(plan.records, plan.contents) {
      file += record.localHeader
      let start = file.count
      switch content {
      case .bytes(let bytes): file += bytes
      case .serializationID: file += plan.serializationID(checksums: checksums)
      case .storage: file.append(copying: tensor.bytes)
      }
      var checksum = Checksum()
      checksum.update(file.span.rawBytes.extracting(start..<file.count))
      file += record.descriptor(checksum: checksum.value)
      checksums.append(checksum.value)
    }
    return file + plan.directory(checksums: checksums)
  }

  /// The ranges of the tensors in the file that `write` makes, in the order of the archive, and the
  /// size of the file.
  ///
  /// - Throws: as `write`, before anything is written.
  /// - Complexity: O(tensors · log tensors).
  public static func layout(
    of archive: any TensorArchive, order: StateDictOrder? = nil, path: String,
    layout: TorchLayout = .newest
  ) throws(CheckpointError) -> (ranges: [Range<Int>], byteCount: Int) {
    let order = order ?? .archiveOrder(tensorCount: archive.tensorCount)
    let plan = try TorchPlan(archive.entries(in: order), path: path, layout: layout)
    var ranges = [Range<Int>](repeating: 0..<0, count: order.indices.count)
    for (record, content) in zip(plan.records, plan.contents) {
      guard case .storage(let index) = content else { continue }
      ranges[order.indices[index]] = record.dataOffset..<record.dataOffset + record.byteCount
    }
    let checksums = [UInt32](repeating: 0, count: plan.records.count)
    return (ranges, plan.directoryOffset + plan.directory(checksums: checksums).count)
  }

  /// Writes a dict of these entries, in their order. `append` provides the data.
  ///
  /// - Parameters:
  ///   - entries: the entries.
  ///   - path: the path of the output, after which the folder inside is named.
  ///   - layout: the layout, named after a release of torch.
  ///   - output: the output, still empty. The caller commits it.
  ///   - append: appends the data of the entry at this index. The layout decides the order of the
  ///     calls.
  /// - Throws: as above, `malformed` for a duplicate name, and what `append` throws. Data of another
  ///   size is a programming error and traps.
  public static func write(
    _ entries: [TorchEntry], path: String, layout: TorchLayout = .newest,
    to output: inout AtomicFile,
    append: (_ index: Int, _ output: inout AtomicFile) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    precondition(output.byteCount == 0, "the output of a torch file must be empty")
    let plan = try TorchPlan(entries, path: path, layout: layout)
    try output.reserve(byteCount: plan.directoryOffset)
    var checksums: [UInt32] = []
    checksums.reserveCapacity(plan.records.count)
    for (record, content) in zip(plan.records, plan.contents) {
      try output.write(record.localHeader.span.rawBytes)
      let checksum = RecordChecksum()
      try output.observing(by: checksum) { output throws(CheckpointError) in
        switch content {
        case .bytes(let bytes):
          try output.write(bytes.span.rawBytes)
        case .serializationID:
          try output.write(plan.serializationID(checksums: checksums).span.rawBytes)
        case .storage(let index):
          output.tensor = entries[index].tensor.name
          do throws(CheckpointError) {
            try append(index, &output)
          } catch {
            throw error.naming(tensor: entries[index].tensor.name)
          }
        }
      }
      precondition(
        output.byteCount - record.dataOffset == record.byteCount,
        "the data must have the size of the tensor")
      try output.write(record.descriptor(checksum: checksum.value).span.rawBytes)
      checksums.append(checksum.value)
    }
    try output.write(plan.directory(checksums: checksums).span.rawBytes)
  }
}

extension TensorArchive {
  /// The entries of a dict of these tensors.
  fileprivate func entries(in order: StateDictOrder) -> [TorchEntry] {
    order.indices.map { index in
      TorchEntry(
        tensor(at: index),
        kind: order.parameters.contains(index) ? .parameter(requiresGradient: true) : .tensor)
    }
  }
}
