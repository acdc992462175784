// SPDX-License-Identifier: Apache-2.0
internal import Tensors
internal import ZipArchive

/// The layout of a torch file that is to be written: each record and its place.
struct TorchPlan {
  /// The contents of a record.
  enum Content {
    case bytes([UInt8])
    /// The data of the entry at this index.
    case storage(Int)
    /// The serialization id, which depends on all other records.
    case serializationID
  }

  /// The contents of the records, in the order of the file.
  let contents: [Content]
  /// The places of the records.
  let records: [ZipRecord]
  /// The offset of the directory.
  let directoryOffset: Int
  private let folder: String

  /// Plans a file with these entries, in their order.
  ///
  /// - Throws: `malformed` for a duplicate name and `unsupported` for a dtype or shape that torch does
  ///   not have, both naming the tensor; `invalidArgument` for a path that gives the folder no name.
  /// - Complexity: O(entries · log entries).
  init(
    _ entries: [TorchEntry], path: String, layout: TorchLayout
  ) throws(CheckpointError) {
    try Self.refuseDuplicates(entries)
    try self.init(
      pickle: StateDictPickle.bytes(of: entries, layout: layout), tensors: entries.map(\.tensor),
      folder: TorchFolder.name(forPath: path, layout: layout), layout: layout)
  }

  /// Plans a file with a tensor that is not in a dict.
  ///
  /// - Parameter path: the path of the output; nil for the folder that torch names in a stream.
  /// - Throws: `unsupported` for a dtype or shape that torch does not have; `invalidArgument` for a
  ///   path that gives the folder no name.
  init(
    bareTensor tensor: TensorInfo, path: String?, layout: TorchLayout
  ) throws(CheckpointError) {
    let folder =
      if let path {
        try TorchFolder.name(forPath: path, layout: layout)
      } else {
        TorchFolder.ofStreams
      }
    try self.init(
      pickle: StateDictPickle.bytes(ofBareTensor: tensor, layout: layout), tensors: [tensor],
      folder: folder, layout: layout)
  }

  private init(
    pickle: [UInt8], tensors: [TensorInfo], folder: String, layout: TorchLayout
  ) throws(CheckpointError) {
    self.folder = folder
    var contents: [Content] = []
    var records: [ZipRecord] = []
    var offset = 0
    for (name, content) in Self.outline(pickle, count: tensors.count, layout: layout) {
      let record = ZipRecord(
        path: folder + "/" + name, byteCount: Self.byteCount(of: content, in: tensors),
        headerOffset: offset)
      guard let end = record.endOffset, end <= Self.largestOffset else {
        throw CheckpointError(.unsupported, "the tensors take more than 2^62 bytes")
      }
      contents.append(content)
      records.append(record)
      offset = end
    }
    self.contents = contents
    self.records = records
    directoryOffset = offset
  }

  /// The id record, from the checksums of the records before it.
  func serializationID(checksums: [UInt32]) -> [UInt8] {
    let earlier = records.prefix(checksums.count)
    return SerializationID.bytes(
      names: earlier.map { String($0.path.dropFirst(folder.count + 1)) },
      checksums: zip(earlier, checksums).filter { $0.0.byteCount > 0 }.map(\.1))
  }

  /// The bytes from the directory to the end of the file.
  func directory(checksums: [UInt32]) -> [UInt8] {
    var bytes: [UInt8] = []
    for (record, checksum) in zip(records, checksums) {
      record.appendCentralEntry(checksum: checksum, to: &bytes)
    }
    // torch always writes the 64-bit end record, as version 3.0 on Unix.
    return bytes
      + ZipTrailer.bytes(
        recordCount: records.count,
        directory: directoryOffset..<directoryOffset + bytes.count, wideMadeBy: 0x031E)
  }

  /// The largest file, in bytes: file systems have no larger ones, and sizes below cannot overflow.
  private static let largestOffset = 1 << 62

  private static func byteCount(of content: Content, in tensors: [TensorInfo]) -> Int {
    switch content {
    case .bytes(let bytes): bytes.count
    case .storage(let index): tensors[index].byteCount
    case .serializationID: SerializationID.byteCount
    }
  }

  /// The records of a layout, in the order of the file.
  private static func outline(
    _ pickle: [UInt8], count: Int, layout: TorchLayout
  ) -> [(name: String, content: Content)] {
    func text(_ name: String, _ text: String) -> (name: String, content: Content) {
      (name, .bytes(Array(text.utf8)))
    }
    var outline: [(name: String, content: Content)] = [("data.pkl", .bytes(pickle))]
    if layout >= .v2_7 {
      outline.append(text(".format_version", "1"))
      outline.append(text(".storage_alignment", String(ZipRecord.alignment)))
    }
    if layout >= .v2_1 { outline.append(text("byteorder", "little")) }
    var keys = Array(0..<count)
    // Earlier releases sort the keys as strings: 0, 1, 10, 11, 2.
    if layout < .v2_7 { keys.sort { String($0) < String($1) } }
    for key in keys { outline.append(("data/\(key)", .storage(key))) }
    outline.append(text("version", "3\n"))
    if layout >= .v2_1 { outline.append((".data/serialization_id", .serializationID)) }
    return outline
  }

  private static func refuseDuplicates(_ entries: [TorchEntry]) throws(CheckpointError) {
    var names: Set<TensorName> = []
    names.reserveCapacity(entries.count)
    for entry in entries where !names.insert(entry.tensor.name).inserted {
      throw CheckpointError(
        .malformed, "duplicate tensor name", tensor: entry.tensor.name)
    }
  }
}
