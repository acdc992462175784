// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Pickle
internal import Files
internal import Tensors

/// Collects the tensors of a pickle. The keys on the way to a tensor, joined by dots, are its name.
struct TensorCollector {
  private var graph: PickleGraph
  private let resolver: TensorResolver
  private let limits: PickleLimits
  private(set) var table: TensorTable
  private var frames: [Frame] = []
  /// The name of the current value.
  private var path: [UInt8] = []
  private var visits = 0

  /// A container that contains the current value.
  private struct Frame {
    let node: Int
    var cursor: PartCursor
    let isMapping: Bool
    /// Whether values inside have no names, and are only checked.
    let isSilent: Bool
    let pathCount: Int
    /// Whether the names inside follow another name and a dot.
    let isNested: Bool
    var index = 0
  }

  /// The name of a tensor that is the whole value of a pickle.
  static let nameOfTheOnlyTensor = "tensor"

  /// Collects the tensors of a pickle.
  ///
  /// - Throws: `malformed` for an impossible tensor, a duplicate name, and a container that contains
  ///   itself; `unsupported` when the pickle is nested or expands beyond the limits.
  /// - Complexity: O(values), without recursion.
  static func collect(
    _ graph: PickleGraph, resolver: TensorResolver, limits: PickleLimits, into table: TensorTable
  ) throws(CheckpointError) -> TensorTable {
    var collector = Self(graph: graph, resolver: resolver, limits: limits, table: table)
    try collector.visit(graph.root, isSilent: false)
    try collector.walk()
    for index in 0..<graph.states.count {
      collector.table.attributes.add(state: graph.states[index], in: graph)
      try collector.visit(graph.states[index], isSilent: true)
      try collector.walk()
    }
    return collector.table
  }

  private init(
    graph: PickleGraph, resolver: TensorResolver, limits: PickleLimits, table: TensorTable
  ) {
    self.graph = graph
    self.resolver = resolver
    self.limits = limits
    self.table = table
  }

  private mutating func walk() throws(CheckpointError) {
    while let last = frames.indices.last {
      path.removeSubrange(frames[last].pathCount...)
      guard var value = frames[last].cursor.next(in: graph) else {
        graph.nodes[frames[last].node].flags.remove(.isOpen)
        frames.removeLast()
        continue
      }
      if frames[last].isMapping {
        let key = value
        value = frames[last].cursor.next(in: graph) ?? .none
        if !frames[last].isSilent { try enter(key, value) }
      } else if !frames[last].isSilent {
        if frames[last].isNested { path.append(UInt8(ascii: ".")) }
        path += String(frames[last].index).utf8
        frames[last].index += 1
      }
      try visit(value, isSilent: frames[last].isSilent)
    }
  }

  /// Adds a key to the path.
  private mutating func enter(
    _ key: PickleValue, _ value: PickleValue
  ) throws(CheckpointError) {
    guard let name = try graph.keyName(key) else {
      throw CheckpointError(
        .unsupported, "a dict has \(graph.article(key)) as a key, which cannot be part of a name",
        offset: graph.offset(of: key) ?? graph.offset(of: value))
    }
    if frames.last?.isNested == true { path.append(UInt8(ascii: ".")) }
    path += name.utf8
  }

  /// The offset of the innermost container.
  private var place: Int? {
    frames.last.map { graph.offset(of: $0.node) }
  }

  private var name: TensorName {
    TensorName(String(decoding: path, as: UTF8.self))
  }

  private mutating func visit(_ value: PickleValue, isSilent: Bool) throws(CheckpointError) {
    visits += 1
    guard visits <= limits.items else {
      throw CheckpointError(
        .unsupported, "the pickle expands to more than \(limits.items) items",
        offset: graph.offset(of: value) ?? place)
    }
    if let node = value.node {
      try visit(node: node, isSilent: isSilent)
    } else if !isSilent {
      try skip(value, type: graph.typeName(value))
    }
  }

  private mutating func visit(node: Int, isSilent: Bool) throws(CheckpointError) {
    let value = PickleValue.node(node)
    switch graph.nodes[node].kind {
    case .list, .tuple, .dict:
      if graph.nodes[node].count == 0 {
        if !isSilent { try skip(value, type: "empty " + graph.typeName(value)) }
      } else {
        try open(node, isSilent: isSilent)
      }
    case .set:
      if !isSilent { try skip(value, type: graph.typeName(value)) }
      try open(node, isSilent: true)
    case .object:
      if graph.nodes[node].count == 0 {
        if !isSilent { try skip(value, type: graph.typeName(value)) }
      } else {
        try open(node, isSilent: isSilent, isNamed: false)
      }
    case .persistent where !resolver.isTar:
      if !isSilent { try skip(value, type: "storage") }
    case .persistent:
      try visitTensor(value, isSilent: isSilent)
    case .call where graph.type(of: value) == .tensor:
      try visitTensor(value, isSilent: isSilent)
    case .call:
      if !isSilent { try skip(value, type: graph.typeName(value)) }
      try open(node, isSilent: true)
    }
  }

  private mutating func skip(_ value: PickleValue, type: String) throws(CheckpointError) {
    do throws(CheckpointError) {
      try table.skip(SkippedItem(name: name, type: type, isTensor: false))
    } catch {
      throw error.at(graph.offset(of: value) ?? place)
    }
  }

  private mutating func visitTensor(_ value: PickleValue, isSilent: Bool) throws(CheckpointError) {
    if frames.isEmpty { path = Array(Self.nameOfTheOnlyTensor.utf8) }
    do throws(CheckpointError) {
      let outcome = try resolver.resolve(value, in: graph)
      guard !isSilent else { return }
      switch outcome {
      case .tensor(let tensor):
        let storage = resolver.storages.storages[tensor.storage]
        let work = storage.isDeflated ? max(tensor.byteCount, storage.byteCount) : tensor.byteCount
        try table.add(tensor, named: name, work: work)
        table.attributes.add(value, named: name, in: graph)
      case .unsupported(let type, let shape):
        try table.skip(SkippedItem(name: name, type: type, isTensor: true, shape: shape))
      }
    } catch {
      throw error.naming(tensor: name).at(graph.offset(of: value))
    }
  }

  /// Enters a container.
  private mutating func open(
    _ node: Int, isSilent: Bool, isNamed: Bool = true
  ) throws(CheckpointError) {
    let offset = graph.offset(of: node)
    guard !graph.nodes[node].flags.contains(.isOpen) else {
      throw .malformed(
        "\(graph.article(.node(node))) contains itself", at: offset)
    }
    guard frames.count < limits.depth else {
      throw CheckpointError(
        .unsupported, "the pickle is nested too deeply, more than \(limits.depth) levels",
        offset: offset)
    }
    let isMapping = graph.nodes[node].kind == .dict
    if isMapping { try graph.checkKeys(of: node) }
    graph.nodes[node].flags.insert(.isOpen)
    if !isNamed, let state = graph.part(0, of: node).node, graph.nodes[state].kind == .dict {
      // The attributes of an object have its name in front.
      guard graph.nodes[state].count > 0 else {
        graph.nodes[node].flags.remove(.isOpen)
        return
      }
      try graph.checkKeys(of: state)
      guard !graph.nodes[state].flags.contains(.isOpen) else {
        throw .malformed("a TorchScript object contains itself", at: offset)
      }
      frames.append(
        Frame(
          node: node, cursor: PartCursor(graph, state), isMapping: true, isSilent: isSilent,
          pathCount: path.count, isNested: !frames.isEmpty))
      return
    }
    frames.append(
      Frame(
        node: node, cursor: PartCursor(graph, node), isMapping: isMapping, isSilent: isSilent,
        pathCount: path.count, isNested: !frames.isEmpty))
  }
}

extension CheckpointError {
  /// The same error with this offset, unless it already has one.
  consuming func at(_ place: Int?) -> Self {
    guard offset == nil, let place else { return self }
    return Self(code, message, path: path, tensor: tensor, offset: place, hint: hint)
  }
}
