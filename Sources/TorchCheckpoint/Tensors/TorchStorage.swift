// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Files
internal import Tensors

/// Bytes that tensors view, and their location in the file.
struct TorchStorage: Sendable {
  /// The name in the pickle.
  let key: String
  /// The size in bytes, by the pickle.
  let byteCount: Int
  /// The size in bytes of an element of its class; 1 for an untyped storage.
  let elementByteCount: Int
  /// The offset of its persistent id in the file.
  let referenceOffset: Int
  /// The offset of the bytes in the file; compressed bytes have an entry instead.
  var start = 0
  /// The zip entry that contains it.
  var entry: Int?
  /// Whether the entry is compressed.
  var isDeflated = false
  /// The bytes, where the pickle itself contains them.
  var contents: [UInt8]?
  /// Whether elements in `contents` are big-endian.
  var isBigEndian = false
}

/// The reference to a storage in a persistent id.
struct StorageReference: Sendable {
  /// The index of the storage.
  let storage: Int
  /// The element type of the storage's class; nil for an untyped storage.
  let dtype: TorchDType?
  /// The part of the storage that is used, in bytes.
  let range: Range<Int>
}

/// The storages that a pickle refers to.
struct StorageTable: Sendable {
  /// Each storage once, in the order of the pickle.
  var storages: [TorchStorage] = []
  /// One for each persistent id; the node of the id has its index.
  private(set) var references: [StorageReference] = []
  /// The NumPy arrays of the pickle; the node of each has its index.
  var arrays: [StoredArray] = []
  private var places: [UTF8Text: Int] = [:]

  init() {}

  /// A table that continues another, with keys of its own.
  init(after storages: [TorchStorage]) {
    self.storages = storages
  }

  /// The index of the storage with this key.
  func index(of key: String) -> Int? { places[UTF8Text(key)] }

  /// Reads every persistent id of a pickle, used or not.
  ///
  /// - Parameter fieldCounts: the numbers of fields that an id may have (`PickleDialect`).
  /// - Throws: `malformed` when one does not name a storage, or two contradict each other.
  mutating func collect(
    _ graph: inout PickleGraph, fieldCounts: ClosedRange<Int>
  ) throws(CheckpointError) {
    for index in 0..<graph.persistentNodes.count {
      let node = Int(graph.persistentNodes[index])
      let offset = graph.offset(of: node)
      do throws(CheckpointError) {
        let id = try StorageID(graph.part(0, of: node), fieldCounts: fieldCounts, in: graph)
        let reference = try reference(to: id, at: offset)
        graph.nodes[node].lastRun = UInt32(references.count)
        references.append(reference)
      } catch {
        throw error.at(offset)
      }
    }
  }

  private mutating func reference(
    to id: StorageID, at offset: Int
  ) throws(CheckpointError) -> StorageReference {
    let storage = try place(
      TorchStorage(
        key: id.key, byteCount: id.byteCount, elementByteCount: id.elementByteCount,
        referenceOffset: offset))
    var range = 0..<id.byteCount
    if let view = id.view {
      guard view.first >= 0, view.count >= 0, view.first <= id.count,
        view.count <= id.count - view.first
      else { throw .malformed("a view of a storage reaches beyond its storage", at: offset) }
      let start = view.first * id.elementByteCount
      range = start..<start + view.count * id.elementByteCount
    }
    return StorageReference(storage: storage, dtype: id.dtype, range: range)
  }

  /// The index of a storage, which is added unless it is there.
  mutating func place(_ storage: TorchStorage) throws(CheckpointError) -> Int {
    guard let index = places[UTF8Text(storage.key)] else {
      places[UTF8Text(storage.key)] = storages.count
      storages.append(storage)
      return storages.count - 1
    }
    guard storages[index].byteCount == storage.byteCount else {
      throw .malformed(
        "the storage \"\(storage.key)\" has two sizes, \(storages[index].byteCount) and "
          + "\(storage.byteCount) bytes", at: storage.referenceOffset)
    }
    return index
  }
}
