// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Pickle
internal import Tensors

// Objects: their attributes have names as the entries of dicts do. Of a module only the parameters, the
// persistent buffers and the submodules have names, which are those of its state_dict().

extension TensorCollector {
  /// Visits an object.
  mutating func visit(object node: Int, isSilent: Bool) throws(CheckpointError) {
    let value = PickleValue.node(node)
    let role = graph.nodes[node].name.role
    switch role {
    case .arrayReconstructor, .arrayFromBuffer:
      return try visit(array: node, isSilent: isSilent)
    case .arrayDType:
      if !isSilent { try skip(value, type: graph.typeName(value)) }
      return
    case .valueClass:
      if !isSilent { try skip(value, type: graph.typeName(value)) }
      // Nothing in a value has a name, so that one visit is enough.
      if graph.nodes[node].flags.contains(.isSeen) { return }
      return try open(object: node, isSilent: true)
    default: break
    }
    let object = PickledObject(node, in: graph)
    if role == .inert {
      if isSilent { return }
      if let share = TensorShare(object, in: graph) {
        return try skip(value, type: share.type, isTensor: true, shape: share.shape)
      }
      if let name = object.callee.name, name.rebuildsTensor {
        return try skip(value, type: "tensor that only Python code makes", isTensor: true)
      }
      // An object is examined each time that something refers to it.
      if graph.nodes[node].flags.contains(.isSeen),
        let attributes = ModuleState.attributes(of: object, in: graph).node
      {
        visits += Int(graph.nodes[attributes].count) / 2
      }
      if let module = ModuleState(object, in: graph) {
        return try open(module, node, object.name)
      }
      if object.name == Self.compiledModule, let arguments = object.arguments.node,
        graph.nodes[node].flags.isDisjoint(with: [.isOpen, .isSeen])
      {
        let isNested = !frames.isEmpty
        try enter(node)
        return try open(
          facet: arguments, isSilent: false, isNested: isNested,
          filter: .first(named: "_orig_mod"))
      }
      if case .module? = frames.last?.filter { table.objects.addPacked(at: name.string) }
    }
    guard isSilent || hasParts(object) else {
      return try skip(value, type: graph.typeName(value))
    }
    try open(object: node, isSilent: isSilent)
  }

  /// What `torch.compile` makes of a module, which is its first argument.
  private static let compiledModule = QualifiedName(
    module: "torch._dynamo.eval_frame", name: "OptimizedModule")

  /// Whether an object contains anything that can have a name.
  private func hasParts(_ object: PickledObject) -> Bool {
    facets(of: object).contains { graph.nodes[$0].count > 0 }
  }

  /// The containers of an object: its arguments, items, entries and attributes.
  private func facets(of object: PickledObject) -> [Int] {
    var parts = [object.arguments, object.keywords, object.items, object.entries]
    if let pair = graph.tuple(object.state), pair.count == 2, isAttributes(pair.node) {
      // A class with slots has a pair: its dict, and its slots.
      parts += [graph.part(0, of: pair.node), graph.part(1, of: pair.node)]
    } else {
      parts.append(object.state)
    }
    return parts.compactMap { part in
      guard let node = part.node else { return nil }
      switch graph.nodes[node].kind {
      case .tuple, .list, .dict, .set: return node
      case .call, .object, .persistent: return nil
      }
    }
  }

  private func isAttributes(_ pair: Int) -> Bool {
    (0..<2).allSatisfy { index in
      let part = graph.part(index, of: pair)
      if case .none = part.kind { return true }
      return part.node.map { graph.nodes[$0].kind == .dict } ?? false
    }
  }

  /// Enters an object, once: what it contains has a name then.
  private mutating func open(object node: Int, isSilent: Bool) throws(CheckpointError) {
    let isFirst = graph.nodes[node].flags.isDisjoint(with: [.isOpen, .isSeen])
    guard isFirst || graph.nodes[node].name.role != .inert else { return }
    guard !graph.nodes[node].flags.contains(.isOpen) else {
      guard graph.nodes[node].name.role == .scriptClass else { return }
      throw .malformed("a TorchScript object contains itself", at: graph.offset(of: node))
    }
    let isNested = !frames.isEmpty
    try enter(node)
    for facet in facets(of: PickledObject(node, in: graph)).reversed()
    where graph.nodes[facet].count > 0 {
      try open(facet: facet, isSilent: isSilent, isNested: isNested)
    }
  }

  /// Pushes the frame of an object, below those of its containers.
  private mutating func enter(_ node: Int) throws(CheckpointError) {
    graph.nodes[node].flags.insert(.isSeen)
    objectCount += 1
    // The parts of an object have no names of their own; its containers do.
    try push(node, closing: node, isSilent: true, isNested: true)
    frames[frames.count - 1].cursor = PartCursor.end
  }

  private mutating func open(
    facet: Int, isSilent: Bool, isNested: Bool, filter: Filter = .none
  ) throws(CheckpointError) {
    guard !graph.nodes[facet].flags.contains(.isOpen) else { return }
    visits += Int(graph.nodes[facet].count) / 8
    let isSet = graph.nodes[facet].kind == .set
    try push(facet, closing: facet, isSilent: isSilent || isSet, isNested: isNested, filter: filter)
  }

  /// What a visit to a module costs, in visits to plain values.
  private static let moduleCost = 32

  /// Enters a module: each time that it is a part of another, as `state_dict()` repeats it, but once
  /// only where other objects refer to it.
  private mutating func open(
    _ module: ModuleState, _ node: Int, _ type: QualifiedName?
  ) throws(CheckpointError) {
    guard !graph.nodes[node].flags.contains(.isOpen) else { return }
    if objectCount > 0, graph.nodes[node].flags.contains(.isSeen), case .none? = frames.last?.filter
    {
      return
    }
    table.objects.add(module: module.state, type: type, at: name.string, in: graph)
    visits += Self.moduleCost + module.attributeCount / 8 + path.count / 16
    let isNested = !frames.isEmpty
    try enter(node)
    let hidden = hiddenBuffers(module.hiddenBuffers)
    for (dictionary, except) in [
      (module.modules, Set<String>()), (module.buffers, hidden), (module.parameters, Set()),
    ] {
      try open(
        facet: dictionary, isSilent: false, isNested: isNested,
        filter: .module(except: except, holdsTensors: dictionary != module.modules))
    }
  }

  /// The names of the buffers that are not persistent.
  private mutating func hiddenBuffers(_ set: PickleValue?) -> Set<String> {
    guard let node = set?.node else { return [] }
    visits += Int(graph.nodes[node].count)
    // Protocol 2 calls `set` with a list.
    let list =
      graph.nodes[node].kind == .call
      ? graph.elements(graph.part(0, of: node))?.first?.node : node
    guard let list, graph.nodes[list].kind != .call else { return [] }
    return Set(graph.allParts(of: list).compactMap(graph.string))
  }

  /// Whether a filter leaves out an entry of a module's dict.
  func isLeftOut(_ key: PickleValue, _ value: PickleValue, by filter: Filter) -> Bool {
    guard case .module(let except, _) = filter else { return false }
    if case .none = value.kind { return true }
    return !except.isEmpty && graph.string(key).map(except.contains) ?? false
  }

  /// Whether an entry is the list in which recurrent modules have their parameters again.
  func isFlatWeights(_ key: PickleValue, _ value: PickleValue) -> Bool {
    guard graph.isText(key, "_flat_weights"), let object = frames.dropLast().last?.node else {
      return false
    }
    return graph.nodes[object].kind == .object && graph.nodes[object].name.role == .scriptClass
      && value.node.map { graph.nodes[$0].kind == .list } ?? false
  }

  /// Passes over a list of tensors that have names already.
  ///
  /// - Returns: false when one of them does not.
  mutating func addUnaliased(
    _ list: PickleValue, in frame: Frame
  ) throws(CheckpointError) -> Bool {
    guard let node = list.node else { return false }
    let parts = graph.allParts(of: node)
    visits += parts.count
    for part in parts {
      guard graph.type(of: part) == .tensor, case .tensor(let tensor) = try outcome(of: part),
        table.contains(tensor.identity)
      else { return false }
    }
    return true
  }

  /// Skips an object among the parameters and buffers of a module: its bytes are not certain.
  mutating func skipsCode(_ value: PickleValue, in frame: Frame) throws(CheckpointError) -> Bool {
    guard case .module(_, true) = frame.filter, graph.isInert(value) else { return false }
    if !frame.isSilent {
      try skip(value, type: "tensor that only Python code makes", isTensor: true)
    }
    return true
  }
}

/// The attributes of a module that contain its tensors.
private struct ModuleState {
  let state: PickleValue
  let parameters: Int
  let buffers: Int
  let modules: Int
  /// The set of the names of buffers that are not persistent.
  let hiddenBuffers: PickleValue?
  let attributeCount: Int

  /// The dict of a module's attributes, if an object is a module. A traced module is made by a function
  /// that takes them as its first argument.
  static func attributes(of object: PickledObject, in graph: PickleGraph) -> PickleValue {
    guard case .none = object.state.kind, let arguments = graph.tuple(object.arguments),
      arguments.count > 0
    else { return object.state }
    return graph.part(0, of: arguments.node)
  }

  /// The attributes of an object; nil when it is not a module.
  init?(_ object: PickledObject, in graph: PickleGraph) {
    let state = Self.attributes(of: object, in: graph)
    func dictionary(_ key: String) -> Int? {
      guard let node = graph.entry(key, of: state)?.node, graph.nodes[node].kind == .dict
      else { return nil }
      return node
    }
    guard let parameters = dictionary("_parameters"), let buffers = dictionary("_buffers"),
      let modules = dictionary("_modules"), let node = state.node
    else { return nil }
    self.state = state
    (self.parameters, self.buffers, self.modules) = (parameters, buffers, modules)
    hiddenBuffers = graph.entry("_non_persistent_buffers_set", of: state)
    attributeCount = Int(graph.nodes[node].count)
  }
}
