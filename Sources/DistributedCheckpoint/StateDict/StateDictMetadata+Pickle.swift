// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Pickle
internal import Tensors

extension StateDictMetadata {
  /// The classes of torch.distributed.checkpoint by the end of their names; releases have moved them.
  private enum ClassName {
    static let metadata = "Metadata"
    static let tensor = "TensorStorageMetadata"
    static let bytes = "BytesStorageMetadata"
  }

  /// Reads a `.metadata` file. Its objects are inert: only their attributes are read.
  ///
  /// - Throws: `unrecognized` for another file, `truncated` for an empty one, `malformed` for metadata that contradict themselves,
  ///   and what the pickle's machine throws.
  /// - Complexity: O(bytes) in time and memory.
  init(_ file: InputFile) throws(CheckpointError) {
    let bytes = try file.readAll(limit: PickleLimits.largestPickle - 1)
    guard !bytes.isEmpty else { throw CheckpointError(.truncated, "is empty", offset: 0) }
    guard bytes.first == Self.pickleStart else { throw Self.unrecognized }
    let limits = PickleLimits().scaled(
      fileByteCount: file.byteCount, pickleByteCount: file.byteCount)
    let (graph, end) = try PickleMachine.run(
      bytes, baseOffset: 0, dialect: .objects, limits: limits)
    guard end == bytes.count else {
      throw .malformed(
        (bytes.count - end).counting("unexpected byte", "follow") + " the end of the pickle",
        at: end)
    }
    guard let root = graph.object(graph.root), root.name?.name == ClassName.metadata,
      root.name?.module.hasSuffix("checkpoint.metadata") == true
    else {
      throw Self.unrecognized
    }
    codeRequest = graph.codeRequest
    try readPlaces(graph.entry("storage_data", of: root.state), in: graph)
    try readNames(graph.entry("planner_data", of: root.state), in: graph)
    try readContents(graph.entry("state_dict_metadata", of: root.state), in: graph)
  }

  /// The opcode that names the protocol of a pickle.
  private static let pickleStart: UInt8 = 0x80

  private static var unrecognized: CheckpointError {
    CheckpointError(
      .unrecognized, "is not the metadata of torch.distributed.checkpoint; nothing was executed",
      offset: 0)
  }

  /// Calls a closure with each key and value of a dict.
  private static func forEach(
    _ dictionary: PickleValue?, _ what: String, in graph: PickleGraph,
    _ body: (PickleValue, PickleValue) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    guard let node = dictionary?.node, graph.nodes[node].kind == .dict else {
      throw .malformed("the metadata have no dict \"\(what)\"", at: 0)
    }
    var cursor = PartCursor(graph, node)
    while let key = cursor.next(in: graph), let value = cursor.next(in: graph) {
      try body(key, value)
    }
  }

  /// An object with the few attributes that those of torch have; nil for any other value. Many places
  /// could share an object with more.
  private static func object(_ value: PickleValue, in graph: PickleGraph) -> PickledObject? {
    guard let object = graph.object(value) else { return nil }
    let count = object.state.node.map { graph.nodes[$0].count } ?? 0
    return count <= largestState ? object : nil
  }

  /// The most keys and values of an object's state.
  private static let largestState = 64

  private mutating func readPlaces(
    _ value: PickleValue?, in graph: PickleGraph
  ) throws(CheckpointError) {
    try Self.forEach(value, "storage_data", in: graph) { index, value throws(CheckpointError) in
      guard let index = Self.object(index, in: graph), let info = Self.object(value, in: graph),
        let offset = graph.offset(of: value),
        let key = graph.entry("fqn", of: index.state).flatMap(graph.string)
      else {
        throw .malformed("a place in \"storage_data\" is damaged", at: graph.offset(of: value))
      }
      var offsets: [Int]?
      if let first = graph.entry("offset", of: index.state), first != .none {
        guard let numbers = graph.integers(first) else {
          throw CheckpointError(
            .malformed, "a shard has an impossible offset", tensor: TensorName(key), offset: offset)
        }
        offsets = numbers
      }
      let place = try Self.place(info, at: offset, in: graph, of: key)
      guard places.updateValue(place, forKey: Key(key: TensorName(key), offsets: offsets)) == nil
      else {
        throw CheckpointError(
          .malformed, "a shard has two places", tensor: TensorName(key), offset: offset)
      }
    }
  }

  private static func place(
    _ info: PickledObject, at offset: Int, in graph: PickleGraph, of key: String
  ) throws(CheckpointError) -> Place {
    guard let name = graph.entry("relative_path", of: info.state).flatMap(graph.string),
      let start = graph.entry("offset", of: info.state)?.int,
      let byteCount = graph.entry("length", of: info.state)?.int,
      start >= 0, byteCount >= 0, !start.addingReportingOverflow(byteCount).overflow
    else {
      throw CheckpointError(
        .malformed, "a shard has an impossible place", tensor: TensorName(key), offset: offset)
    }
    guard name.isPlainFileName else {
      throw CheckpointError(
        .malformed,
        "the file \"\(name.excerpt)\" of a shard is not the plain name of a file in the directory",
        tensor: TensorName(key), offset: offset)
    }
    var transform: String?
    if let list = graph.entry("transform_descriptors", of: info.state)?.node {
      var cursor = PartCursor(graph, list)
      if let first = cursor.next(in: graph) {
        transform = graph.string(first) ?? graph.typeName(first)
      }
    }
    return Place(
      fileName: name, start: start, byteCount: byteCount, transform: transform, offset: offset)
  }

  private mutating func readNames(
    _ value: PickleValue?, in graph: PickleGraph
  ) throws(CheckpointError) {
    guard let value, let node = value.node, graph.nodes[node].kind == .dict else { return }
    var left = Self.largestNames
    try Self.forEach(value, "planner_data", in: graph) { key, path throws(CheckpointError) in
      guard let key = graph.string(key), let parts = graph.elements(path),
        parts.count <= Self.deepestPath
      else { return }
      var names: [String] = []
      for part in parts {
        let name = try graph.keyName(part) ?? graph.typeName(part)
        left -= name.utf8.count + 1
        guard left >= 0 else {
          throw .malformed(
            "the names in \"planner_data\" are too long", at: graph.offset(of: path))
        }
        names.append(name)
      }
      let name = names.joined(separator: ".")
      if UTF8Text(name) != UTF8Text(key) { self.names[TensorName(key)] = name }
    }
  }

  private static let deepestPath = 1000
  /// The most bytes of all names together: many names could be made of one text.
  private static let largestNames = 1 << 26

  private mutating func readContents(
    _ value: PickleValue?, in graph: PickleGraph
  ) throws(CheckpointError) {
    // Every shard has a place of its own; a list of shards could be shared by many tensors.
    var left = 16 * places.count + 1024
    try Self.forEach(
      value, "state_dict_metadata", in: graph
    ) { key, value throws(CheckpointError) in
      guard let key = graph.string(key), let object = Self.object(value, in: graph) else {
        throw .malformed(
          "an entry of \"state_dict_metadata\" is damaged", at: graph.offset(of: value))
      }
      switch object.name?.name {
      case ClassName.bytes: values.append(key)
      case ClassName.tensor:
        do throws(CheckpointError) {
          tensors.append(try Self.tensor(object, named: key, in: graph, left: &left))
        } catch {
          throw error.naming(tensor: name(of: key))
        }
      default:
        throw CheckpointError(
          .unsupported, "is \(graph.article(value)), which is not known",
          tensor: name(of: key), offset: graph.offset(of: value))
      }
    }
  }

  private static func tensor(
    _ object: PickledObject, named key: String, in graph: PickleGraph, left: inout Int
  ) throws(CheckpointError) -> Tensor {
    let properties = graph.entry("properties", of: object.state).flatMap {
      Self.object($0, in: graph)
    }
    let dtype = properties.flatMap { properties in
      graph.elements(properties.state)?.first ?? graph.entry("dtype", of: properties.state)
    }
    guard let dtype = dtype?.name, dtype.role == .dtype, let dtype = dtype.dtype else {
      throw .malformed("has no element type")
    }
    guard let sizes = graph.entry("size", of: object.state).flatMap(graph.integers),
      sizes.allSatisfy({ $0 >= 0 }),
      let list = graph.entry("chunks", of: object.state)?.node, graph.nodes[list].kind == .list
    else { throw .malformed("has an impossible shape") }
    left -= Int(graph.nodes[list].count)
    guard left >= 0 else { throw .malformed("has more shards than there are places") }
    var shards: [TensorBox] = []
    var known: Set<TensorBox> = []
    for value in graph.allParts(of: list) {
      guard let shard = Self.object(value, in: graph),
        let offsets = graph.entry("offsets", of: shard.state).flatMap(graph.integers),
        let sizes = graph.entry("sizes", of: shard.state).flatMap(graph.integers)
      else {
        throw CheckpointError(
          .malformed, "has a damaged shard", offset: graph.offset(of: value))
      }
      let box = TensorBox(offsets: offsets, sizes: sizes)
      if known.insert(box).inserted { shards.append(box) }
    }
    return Tensor(key: key, dtype: dtype, sizes: sizes, shards: shards)
  }
}
