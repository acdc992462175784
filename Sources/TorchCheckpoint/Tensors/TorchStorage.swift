internal import Pickle
internal import Files
internal import Tensors

/// Bytes that tensors look at, and where the file holds them.
struct TorchStorage: Sendable {
  /// The name that the pickle gives it.
  let key: String
  /// The size in bytes, as the pickle has it.
  let byteCount: Int
  /// The size of one element of its class, 1 for bytes without a class.
  let elementByteCount: Int
  /// Where its persistent id stands in the file.
  let referenceOffset: Int
  /// Where the bytes start in the file; compressed ones have their entry instead.
  var start = 0
  /// The zip entry that holds it.
  var entry: Int?
  /// Whether the entry is compressed.
  var isDeflated = false
}

/// How a persistent id of a pickle refers to a storage.
struct StorageReference: Sendable {
  /// The index of the storage.
  let storage: Int
  /// The element type of the storage's class; nil for bytes without a class.
  let dtype: TorchDType?
  /// The part of the storage that is meant, in bytes.
  let range: Range<Int>
}

/// The storages that a pickle refers to.
struct StorageTable: Sendable {
  /// Each storage once, in the order of the pickle.
  var storages: [TorchStorage] = []
  /// One for each persistent id; the id's node holds the index.
  private(set) var references: [StorageReference] = []
  private var places: [UTF8Text: Int] = [:]

  /// The index of the storage with this key.
  func index(of key: String) -> Int? { places[UTF8Text(key)] }

  /// Takes in every persistent id of a pickle, used or not.
  ///
  /// - Parameter fieldCount: 5 in zip archives, 6 in legacy files.
  /// - Throws: `malformed` when one is no storage, or two disagree about one.
  mutating func collect(
    _ graph: inout PickleGraph, fieldCount: Int
  ) throws(CheckpointError) {
    for index in 0..<graph.persistentNodes.count {
      let node = Int(graph.persistentNodes[index])
      let offset = graph.offset(of: node)
      guard let tuple = graph.tuple(graph.part(0, of: node)) else {
        throw .malformed("a persistent id is no tuple", at: offset)
      }
      let fields = (0..<min(tuple.count, 8)).map { graph.part($0, of: tuple.node) }
      if let first = fields.first, graph.isText(first, "module") {
        throw CheckpointError(
          .unsupported, "asks Python to run the code of a whole model; nothing was executed",
          offset: offset, hint: "save the model's state_dict() instead of the model")
      }
      guard fields.count == fieldCount, graph.isText(fields[0], "storage") else {
        throw .malformed("a persistent id is no storage", at: offset)
      }
      let reference = try reference(fields, in: graph, at: offset)
      graph.nodes[node].lastRun = UInt32(references.count)
      references.append(reference)
    }
  }

  private mutating func reference(
    _ fields: [PickleValue], in graph: PickleGraph, at offset: Int
  ) throws(CheckpointError) -> StorageReference {
    let dtype: TorchDType?
    switch fields[1].name?.role {
    case .storageClass: dtype = fields[1].name?.dtype
    case .untypedStorage: dtype = nil
    default: throw .malformed("a storage has no class", at: offset)
    }
    guard let key = graph.string(fields[2]) else {
      throw .malformed("a storage has a key that is no text", at: offset)
    }
    guard Self.isKey(key) else {
      throw .malformed("\"\(key.excerpt)\" is an invalid storage key", at: offset)
    }
    guard graph.isString(fields[3]) else {
      throw .malformed("the storage \"\(key)\" has no location", at: offset)
    }
    let elementByteCount = dtype?.byteCount ?? 1
    guard let count = fields[4].int, count >= 0 else {
      throw .malformed("the storage \"\(key)\" has an impossible size", at: offset)
    }
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: elementByteCount)
    guard !overflow else {
      throw .malformed("the storage \"\(key)\" has an impossible size", at: offset)
    }
    let storage = try place(
      TorchStorage(
        key: key, byteCount: byteCount, elementByteCount: elementByteCount,
        referenceOffset: offset))
    var range = 0..<byteCount
    if fields.count == 6, let view = graph.tuple(fields[5]) {
      range = try Self.view(view, in: graph, of: range, elementByteCount, at: offset)
    }
    return StorageReference(storage: storage, dtype: dtype, range: range)
  }

  /// The index of a storage, which may have been met before.
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

  /// The part of a storage that torch 0.3 and older gave a name of its own.
  private static func view(
    _ view: (node: Int, count: Int), in graph: PickleGraph, of whole: Range<Int>,
    _ elementByteCount: Int, at offset: Int
  ) throws(CheckpointError) -> Range<Int> {
    let elements = whole.count / elementByteCount
    guard
      view.count == 3, let start = graph.part(1, of: view.node).int,
      let count = graph.part(2, of: view.node).int,
      start >= 0, count >= 0, start <= elements, count <= elements - start
    else {
      throw .malformed("a view of a storage reaches beyond its storage", at: offset)
    }
    return start * elementByteCount..<(start + count) * elementByteCount
  }

  /// Keys are numbers in every file that torch writes; what a file name could mean is refused.
  private static func isKey(_ key: String) -> Bool {
    guard !key.isEmpty, key != ".", key != "..", key.utf8.count <= 255 else { return false }
    return key.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), UInt8(ascii: "-"),
        UInt8(ascii: "."):
        true
      default: false
      }
    }
  }
}
