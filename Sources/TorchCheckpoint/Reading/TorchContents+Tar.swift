// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Pickle
internal import Files
internal import Tensors

extension TorchContents {
  /// Reads the members of a tar archive: the storages, the tensors in them, and the pickle that names
  /// the tensors.
  ///
  /// - Throws: `unrecognized` when it is another tar archive; `malformed`, `truncated` or `unsupported`
  ///   when it is damaged or asks Python to run code.
  init(tar file: InputFile, _ limits: PickleLimits) throws(CheckpointError) {
    let limits = limits.scaled(
      fileByteCount: file.byteCount, pickleByteCount: file.byteCount / 2)
    let members = try TarMembers(file)
    var info = PickleSequence(file, range: try members.range(of: "sys_info"), limits: limits)
    _ = try info.next(.plain)
    try info.expectEnd("sys_info")
    var reader = TarReader()
    try reader.readStorages(
      PickleSequence(file, range: try members.range(of: "storages"), limits: limits))
    try reader.readTensors(
      PickleSequence(file, range: try members.range(of: "tensors"), limits: limits))
    var pickles = PickleSequence(file, range: try members.range(of: "pickle"), limits: limits)
    var graph = try pickles.next(.torchTar)
    try pickles.expectEnd("pickle")
    try reader.refer(&graph)
    try reader.table.collectArrays(&graph)
    variant = .torchTar
    storages = reader.table.storages
    zip = nil
    isBigEndian = false
    table = try TensorCollector.collect(
      graph,
      resolver: TensorResolver(storages: reader.table, tarTensors: reader.outcomes, isTar: true),
      limits: limits, into: TensorTable(limits, fileByteCount: file.byteCount))
  }
}

/// The references between the members of a tar archive.
private struct TarReader {
  var table = StorageTable()
  /// The storages and views of storages, by their keys.
  private var references: [Int: StorageReference] = [:]
  private var tensors: [Int: TensorResolver.Outcome] = [:]
  /// The tensors that persistent ids of the pickle name, by their keys.
  private(set) var outcomes: [TensorResolver.Outcome] = []

  /// The largest number of storages, views or tensors.
  private static let largestCount = 200_000

  /// Reads a count, then each storage: key, location and class, number of elements, and bytes.
  mutating func readStorages(_ pickles: PickleSequence) throws(CheckpointError) {
    var pickles = pickles
    let count = try Self.count(&pickles)
    for _ in 0..<count {
      let offset = pickles.offset
      let (_, fields) = try Self.fields(&pickles, 3)
      guard let key = fields[0].int, let type = fields[2].name, type.role == .storageClass,
        let dtype = type.dtype
      else { throw .malformed("a storage has no key or no class", at: offset) }
      let countOffset = pickles.offset
      let elements = try pickles.takeCount()
      guard elements >= 0, elements <= Int64(pickles.remaining / dtype.byteCount) else {
        throw .malformed("the storage \(key) reaches beyond its file", at: countOffset)
      }
      let byteCount = Int(elements) * dtype.byteCount
      var storage = TorchStorage(
        key: String(key), byteCount: byteCount, elementByteCount: dtype.byteCount,
        referenceOffset: offset)
      storage.start = pickles.offset
      let reference = StorageReference(
        storage: table.storages.count, dtype: dtype, range: 0..<byteCount)
      try claim(key, reference, at: offset)
      _ = try table.place(storage)
      try pickles.skip(byteCount)
    }
    try readViews(&pickles)
    try pickles.expectEnd("storages")
  }

  private mutating func claim(
    _ key: Int, _ reference: StorageReference, at offset: Int
  ) throws(CheckpointError) {
    guard references.updateValue(reference, forKey: key) == nil else {
      throw .malformed("the storage \(key) appears twice", at: offset)
    }
  }

  /// Reads a list of parts of storages, which have keys of their own.
  private mutating func readViews(_ pickles: inout PickleSequence) throws(CheckpointError) {
    let offset = pickles.offset
    let graph = try pickles.next(.plain)
    guard let list = graph.root.node, graph.nodes[list].kind == .list else {
      throw .malformed("the list of views is not a list", at: offset)
    }
    for value in graph.allParts(of: list) {
      guard
        let tuple = graph.tuple(value), tuple.count == 4,
        let key = graph.part(0, of: tuple.node).int, let root = graph.part(1, of: tuple.node).int,
        let start = graph.part(2, of: tuple.node).int,
        let count = graph.part(3, of: tuple.node).int,
        let whole = references[root], let size = whole.dtype?.byteCount,
        start >= 0, count >= 0, start <= whole.range.count / size,
        count <= whole.range.count / size - start
      else { throw .malformed("a view reaches beyond its storage", at: offset) }
      let first = whole.range.lowerBound + start * size
      try claim(
        key,
        StorageReference(
          storage: whole.storage, dtype: whole.dtype, range: first..<first + count * size),
        at: offset)
    }
  }

  /// Reads a count, then each tensor: key, key of its storage, class, and geometry.
  mutating func readTensors(_ pickles: PickleSequence) throws(CheckpointError) {
    var pickles = pickles
    let count = try Self.count(&pickles)
    for _ in 0..<count {
      let offset = pickles.offset
      let (_, fields) = try Self.fields(&pickles, 3)
      guard let key = fields[0].int, let storage = fields[1].int,
        let reference = references[storage], let dtype = reference.dtype
      else { throw .malformed("a tensor has no key or no storage", at: offset) }
      if let type = fields[2].name, type.role != .tensorClass || type.dtype != dtype {
        throw .malformed("a tensor and its storage have different element types", at: offset)
      }
      let rank = Int(Int32(truncatingIfNeeded: try pickles.takeCount()))
      guard (0...TensorGeometry.highestRank).contains(rank) else {
        throw .malformed("a tensor has an impossible rank of \(rank)", at: offset)
      }
      var numbers: [Int] = []
      for _ in 0..<2 * rank + 1 { numbers.append(Int(try pickles.takeCount())) }
      let outcome: TensorResolver.Outcome
      do throws(CheckpointError) {
        outcome = try TensorResolver.outcome(
          reference, offset: numbers[2 * rank], sizes: Array(numbers[..<rank]),
          strides: Array(numbers[rank..<2 * rank]), dtype: dtype, flags: TensorResolver.Flags())
      } catch {
        throw error.inContext("the tensor \(key)").at(offset)
      }
      guard tensors.updateValue(outcome, forKey: key) == nil else {
        throw .malformed("the tensor \(key) appears twice", at: offset)
      }
    }
    try pickles.expectEnd("tensors")
  }

  /// Looks up the tensors that the persistent ids of the pickle name.
  mutating func refer(_ graph: inout PickleGraph) throws(CheckpointError) {
    for index in 0..<graph.persistentNodes.count {
      let node = Int(graph.persistentNodes[index])
      let id = graph.part(0, of: node)
      guard let key = graph.string(id).flatMap({ Int($0) }), let outcome = tensors[key] else {
        throw .malformed("a persistent id does not name a tensor", at: graph.offset(of: node))
      }
      graph.nodes[node].lastRun = UInt32(outcomes.count)
      outcomes.append(outcome)
    }
  }

  private static func count(_ pickles: inout PickleSequence) throws(CheckpointError) -> Int {
    let offset = pickles.offset
    guard let count = try pickles.next(.plain).root.int, count >= 0, count <= largestCount else {
      throw .malformed("a count in the tar archive is impossible", at: offset)
    }
    return count
  }

  private static func fields(
    _ pickles: inout PickleSequence, _ count: Int
  ) throws(CheckpointError) -> (graph: PickleGraph, values: [PickleValue]) {
    let offset = pickles.offset
    let graph = try pickles.next(.names)
    guard let tuple = graph.tuple(graph.root), tuple.count == count else {
      throw .malformed("an entry of the tar archive is damaged", at: offset)
    }
    return (graph, (0..<count).map { graph.part($0, of: tuple.node) })
  }
}

extension PickleSequence {
  /// - Throws: `malformed` when bytes are left.
  func expectEnd(_ member: String) throws(CheckpointError) {
    guard remaining == 0 else {
      throw .malformed(
        remaining.counting("unexpected byte", "follow") + " the end of \"\(member)\"", at: offset)
    }
  }
}
