// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Pickle
internal import Files
internal import Tensors

/// Collects the tensors of a pickle. The keys on the way to a tensor, joined by dots, are its name.
struct TensorCollector {
  var graph: PickleGraph
  private let resolver: TensorResolver
  private let limits: PickleLimits
  var table: TensorTable
  var frames: [Frame] = []
  /// The name of the current value.
  private(set) var path: [UInt8] = []
  var visits = 0
  private var search = TensorSearch()
  /// The last tensor.
  private var recent: (value: PickleValue, outcome: TensorResolver.Outcome)?
  /// The number of open objects.
  var objectCount = 0

  /// A container that contains the current value.
  struct Frame {
    /// The node that the end of the frame closes.
    let node: Int
    var cursor: PartCursor
    let isMapping: Bool
    /// Whether values inside have no names, and are only checked.
    var isSilent: Bool
    let pathCount: Int
    /// Whether the names inside follow another name and a dot.
    let isNested: Bool
    var index = 0
    /// The values that are not visited.
    var filter = Filter.none
  }

  /// The values of a container that are not visited.
  enum Filter {
    case none
    /// None in the dict of a module's parameters, buffers or submodules, and buffers with some names.
    case module(except: Set<String>, holdsTensors: Bool)
    /// All but the first, which has a name.
    case first(named: String)
  }

  /// The largest number of parts of a container whose values are listed although none is a tensor.
  private static let listedCount = 1000

  /// The name of a tensor that is the whole value of a pickle.
  static let nameOfTheOnlyTensor = "tensor"

  /// Collects the tensors of a pickle.
  ///
  /// - Throws: `malformed` for an impossible tensor, a duplicate name, and a container that contains
  ///   itself; `unsupported` when the pickle is nested or expands beyond the limits.
  /// - Complexity: O(values), without recursion.
  ///
  /// - Parameter prefix: the start of all names.
  static func collect(
    _ graph: PickleGraph, resolver: TensorResolver, limits: PickleLimits, into table: TensorTable,
    names prefix: String = ""
  ) throws(CheckpointError) -> TensorTable {
    var collector = Self(graph: graph, resolver: resolver, limits: limits, table: table)
    collector.path = Array(prefix.utf8)
    collector.table.objects.add(graph)
    try collector.visit(graph.root, isSilent: false)
    try collector.walk()
    for index in 0..<graph.states.count {
      collector.table.attributes.add(state: graph.states[index], in: graph)
      try collector.visit(graph.states[index], isSilent: true)
      try collector.walk()
    }
    collector.countUnnamed()
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
      try skipNumbers(of: last)
      guard var value = frames[last].cursor.next(in: graph) else {
        close(frames[last].node)
        frames.removeLast()
        continue
      }
      if frames[last].isMapping {
        let key = value
        value = frames[last].cursor.next(in: graph) ?? .none
        if isLeftOut(key, value, by: frames[last].filter) { continue }
        if isFlatWeights(key, value), try addUnaliased(value, in: frames[last]) { continue }
        if !frames[last].isSilent { try enter(key) }
      } else if !frames[last].isSilent {
        let index = frames[last].index
        frames[last].index += 1
        if case .first = frames[last].filter, index > 0 { continue }
        if frames[last].isNested { path.append(UInt8(ascii: ".")) }
        if case .first(let name) = frames[last].filter {
          path += name.utf8
        } else {
          path += String(index).utf8
        }
      }
      if try skipsCode(value, in: frames[last]) { continue }
      try visit(value, isSilent: frames[last].isSilent)
    }
  }

  /// Skips numbers that are only counted, among other values.
  private mutating func skipNumbers(of frame: Int) throws(CheckpointError) {
    let count = frames[frame].cursor.skipNumbers(in: graph)
    guard count > 0, !frames[frame].isSilent else { return }
    if frames[frame].isNested { path.append(UInt8(ascii: ".")) }
    path += String(frames[frame].index).utf8
    frames[frame].index += count
    try skip(.none, type: "\(count) numbers")
    path.removeSubrange(frames[frame].pathCount...)
  }

  private mutating func close(_ node: Int) {
    if graph.nodes[node].kind == .object { objectCount -= 1 }
    graph.nodes[node].flags.remove(.isOpen)
  }

  /// Adds a key to the path.
  private mutating func enter(_ key: PickleValue) throws(CheckpointError) {
    let frame = frames.count - 1
    let name =
      try graph.keyName(key) ?? className(key) ?? graph.keyText(key)
      ?? "<\(graph.typeName(key)) \(frames[frame].index)>"
    frames[frame].index += 1
    if frames.last?.isNested == true { path.append(UInt8(ascii: ".")) }
    path += name.utf8
  }

  /// The name of a class that is a key, as of the callbacks in Lightning's checkpoints.
  private func className(_ key: PickleValue) -> String? {
    graph.qualifiedName(key).map { $0.module + "." + $0.name }
  }

  /// The offset of the innermost container.
  private var place: Int? {
    frames.last.map { graph.offset(of: $0.node) }
  }

  var name: TensorName {
    TensorName(String(decoding: path, as: UTF8.self))
  }

  mutating func visit(_ value: PickleValue, isSilent: Bool) throws(CheckpointError) {
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
      let contents = graph.nodes[node].contents
      if graph.nodes[node].count == 0 {
        if !isSilent { try skip(value, type: "empty " + graph.typeName(value)) }
      } else if isOneItem(node) {
        let count = Int(graph.nodes[node].count) / (graph.nodes[node].kind == .dict ? 2 : 1)
        let type = "\(graph.typeName(value)) of \(count) \(contents.noun(count: count))"
        if !isSilent { try skip(value, type: type) }
      } else {
        try open(node, isSilent: isSilent)
      }
    case .set:
      if !isSilent { try skip(value, type: graph.typeName(value)) }
      try open(node, isSilent: true)
    case .object:
      try visit(object: node, isSilent: isSilent)
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

  /// Records a value that is not read as a tensor.
  mutating func skip(
    _ value: PickleValue, type: String, isTensor: Bool = false, shape: Shape? = nil
  ) throws(CheckpointError) {
    let name = name
    // An object can have the same value as an attribute and as an entry.
    if objectCount > 0, table.contains(name) { return }
    do throws(CheckpointError) {
      try table.skip(SkippedItem(name: name, type: type, isTensor: isTensor, shape: shape))
    } catch {
      throw error.at(graph.offset(of: value) ?? place)
    }
  }

  private mutating func nameTheOnlyTensor() {
    path = Array(Self.nameOfTheOnlyTensor.utf8)
    table.isSingleTensor = true
  }

  private mutating func visitTensor(_ value: PickleValue, isSilent: Bool) throws(CheckpointError) {
    if frames.isEmpty { nameTheOnlyTensor() }
    do throws(CheckpointError) {
      let outcome = try outcome(of: value)
      guard !isSilent else { return }
      nameParts(of: value)
      try add(outcome, of: value)
    } catch {
      throw error.naming(tensor: name).at(graph.offset(of: value))
    }
  }

  /// The tensor of a value. One that has many names shares its shape.
  mutating func outcome(
    of value: PickleValue
  ) throws(CheckpointError) -> TensorResolver.Outcome {
    if let recent, recent.value == value { return recent.outcome }
    let outcome = try resolver.resolve(value, in: graph)
    recent = (value, outcome)
    return outcome
  }

  /// Visits a NumPy array.
  mutating func visit(array node: Int, isSilent: Bool) throws(CheckpointError) {
    if frames.isEmpty { nameTheOnlyTensor() }
    let value = PickleValue.node(node)
    do throws(CheckpointError) {
      let outcome = try resolver.array(node, in: graph)
      guard !isSilent else { return }
      graph.nodes[node].flags.insert(.isNamed)
      if let outcome {
        try add(outcome, of: value)
      } else {
        try skip(value, type: "NumPy array of other elements than numbers")
      }
    } catch {
      throw error.naming(tensor: name).at(graph.offset(of: value))
    }
  }

  private mutating func add(
    _ outcome: TensorResolver.Outcome, of value: PickleValue
  ) throws(CheckpointError) {
    let name = name
    if objectCount > 0, table.contains(name) {
      // An object can have the same tensor as an attribute and as an entry.
      guard case .tensor(let tensor) = outcome, let index = table.index(of: name),
        table.tensors[index].identity == tensor.identity
      else { throw CheckpointError(.malformed, "the name appears twice", tensor: name) }
      return
    }
    switch outcome {
    case .tensor(let tensor):
      let storage = resolver.storages.storages[tensor.storage]
      let work = storage.isDeflated ? max(tensor.byteCount, storage.byteCount) : tensor.byteCount
      try table.add(tensor, named: name, work: work)
      table.attributes.add(value, named: name, in: graph)
    case .unsupported(let type, let shape):
      try table.skip(SkippedItem(name: name, type: type, isTensor: true, shape: shape))
    }
  }

  /// Whether a container is told as one item: it has values without parts only, or is large and contains
  /// no tensor.
  private mutating func isOneItem(_ node: Int) -> Bool {
    let kind = graph.nodes[node].kind
    if graph.nodes[node].contents != .parts, kind != .dict { return true }
    let count = Int(graph.nodes[node].count) / (kind == .dict ? 2 : 1)
    guard count > Self.listedCount else { return false }
    return graph.nodes[node].contents != .parts || !search.mayFindTensor(below: node, in: graph)
  }

  /// Marks the calls that make a tensor, which follow each other in parameters.
  private mutating func nameParts(of value: PickleValue) {
    var next = value.node
    while let node = next, graph.nodes[node].kind == .call,
      !graph.nodes[node].flags.contains(.isNamed)
    {
      graph.nodes[node].flags.insert(.isNamed)
      let arguments = graph.elements(graph.part(0, of: node)) ?? []
      next = arguments.first { graph.type(of: $0) == .tensor }?.node
    }
  }

  /// Counts the tensors that have no name because of where they are.
  private mutating func countUnnamed() {
    guard table.objects.hasModules else { return }
    for node in 0..<graph.nodes.count {
      let kind = graph.nodes[node].kind
      let isTensor =
        kind == .call ? graph.type(of: .node(node)) == .tensor : graph.nodes[node].isArray
      if isTensor, !graph.nodes[node].flags.contains(.isNamed) { table.objects.unnamedCount += 1 }
    }
  }

  /// Enters a container.
  private mutating func open(_ node: Int, isSilent: Bool) throws(CheckpointError) {
    guard !graph.nodes[node].flags.contains(.isOpen) else {
      // Objects refer to what contains them, as submodules to their parents.
      if frames.reversed().prefix(while: { $0.node != node }).contains(where: isObject) { return }
      throw .malformed(
        "\(graph.article(.node(node))) contains itself", at: graph.offset(of: node))
    }
    try push(node, closing: node, isSilent: isSilent, isNested: !frames.isEmpty)
  }

  private func isObject(_ frame: Frame) -> Bool { graph.nodes[frame.node].kind == .object }

  /// Pushes the frame of a container.
  mutating func push(
    _ container: Int, closing node: Int, isSilent: Bool, isNested: Bool,
    filter: Filter = .none
  ) throws(CheckpointError) {
    guard frames.count < limits.depth else {
      throw CheckpointError(
        .unsupported, "the pickle is nested too deeply, more than \(limits.depth) levels",
        offset: graph.offset(of: container))
    }
    let isMapping = graph.nodes[container].kind == .dict
    if isMapping { try graph.checkKeys(of: container) }
    graph.nodes[node].flags.insert(.isOpen)
    frames.append(
      Frame(
        node: node, cursor: PartCursor(graph, container), isMapping: isMapping, isSilent: isSilent,
        pathCount: path.count, isNested: isNested, filter: filter))
  }
}

extension CheckpointError {
  /// The same error with this offset, unless it already has one.
  consuming func at(_ place: Int?) -> Self {
    guard offset == nil, let place else { return self }
    return Self(code, message, path: path, tensor: tensor, offset: place, hint: hint)
  }
}
