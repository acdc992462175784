// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Tensors
internal import TorchCheckpoint

/// What the first model file of a DeepSpeed checkpoint says about the tensors (spec/distributed.md, Q19).
struct ZeroModelState {
  /// A parameter in a flat group.
  struct Parameter {
    let name: String
    let sizes: [Int]
    let elementCount: Int
  }

  /// The trained parameters of each group, in the order of the flat vectors.
  var groups: [[Parameter]] = []
  /// The parameters that were not trained.
  var frozen: [Parameter] = []
  /// The buffers among the tensors of `module`.
  var bufferNames: [String] = []
  /// Names of parameters that are the same as another one.
  var shared: [(name: String, original: String)] = []

  /// Reads the pickle of a `*_model_states.pt`.
  ///
  /// - Throws: `unsupported` when it is another file of DeepSpeed, `malformed` for impossible shapes.
  init(_ graph: PickleGraph) throws(CheckpointError) {
    guard let names = graph.entry("buffer_names", of: graph.root)?.node,
      let groups = graph.entry("param_shapes", of: graph.root)?.node,
      graph.nodes[groups].kind == .list
    else { throw ZeroDirectory.unsupported("has no shapes of parameters") }
    bufferNames = graph.allParts(of: names).compactMap(graph.string)
    for group in graph.allParts(of: groups) {
      self.groups.append(try Self.parameters(group, in: graph))
    }
    if let frozen = graph.entry("frozen_param_shapes", of: graph.root), frozen != .none {
      self.frozen = try Self.parameters(frozen, in: graph)
    }
    if let pairs = graph.entry("shared_params", of: graph.root) {
      try Self.forEach(pairs, in: graph) { name, original throws(CheckpointError) in
        guard let original = graph.string(original) else {
          throw .malformed("a shared parameter has no other name", at: graph.offset(of: original))
        }
        shared.append((name, original))
      }
    }
  }

  private static func parameters(
    _ dictionary: PickleValue, in graph: PickleGraph
  ) throws(CheckpointError) -> [Parameter] {
    var parameters: [Parameter] = []
    try forEach(dictionary, in: graph) { name, shape throws(CheckpointError) in
      guard let sizes = graph.integers(shape), sizes.allSatisfy({ $0 >= 0 }),
        let count = Shape(sizes).elementCount, let count = Int(exactly: count)
      else {
        throw CheckpointError(
          .malformed, "has an impossible shape", tensor: TensorName(name),
          offset: graph.offset(of: shape))
      }
      parameters.append(Parameter(name: name, sizes: sizes, elementCount: count))
    }
    return parameters
  }

  private static func forEach(
    _ dictionary: PickleValue, in graph: PickleGraph,
    _ body: (String, PickleValue) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    guard let node = dictionary.node, graph.nodes[node].kind == .dict else {
      throw ZeroDirectory.unsupported("has no dict of parameters")
    }
    var cursor = PartCursor(graph, node)
    while let key = cursor.next(in: graph), let value = cursor.next(in: graph) {
      guard let name = graph.string(key) else {
        throw .malformed("a parameter has no name", at: graph.offset(of: value))
      }
      try body(name, value)
    }
  }
}

/// What the first optimizer file of a DeepSpeed checkpoint says about the partitions.
struct ZeroOptimizerState {
  /// The stage of ZeRO: 1 to 3.
  let stage: Int
  /// The number of partitions.
  let partitionCount: Int
  /// The gaps after the parameters of each group, in elements; nil for none.
  let paddings: [[Int]]?

  /// Reads the pickle of a `*_optim_states.pt`.
  ///
  /// - Throws: `unsupported` when the optimizer is not one of ZeRO.
  init(_ graph: PickleGraph) throws(CheckpointError) {
    guard let state = graph.entry("optimizer_state_dict", of: graph.root),
      let stage = graph.entry("zero_stage", of: state).flatMap({ Self.integer($0, in: graph) }),
      let counts = graph.entry("partition_count", of: state),
      let count = counts.int
        ?? counts.node.flatMap({ graph.allParts(of: $0).compactMap(\.int).max() })
    else { throw ZeroDirectory.unsupported("has no partitions of ZeRO") }
    guard (1...3).contains(stage) else {
      throw ZeroDirectory.unsupported("is of stage \(stage) of ZeRO")
    }
    self.stage = stage
    partitionCount = count
    paddings = graph.entry("param_alignment_paddings", of: state)?.node.map { list in
      graph.allParts(of: list).map { group in
        group.node.map { graph.allParts(of: $0).map { $0.int ?? -1 } } ?? []
      }
    }
  }

  /// A number, or a member of an enum of numbers.
  private static func integer(_ value: PickleValue, in graph: PickleGraph) -> Int? {
    value.int ?? graph.object(value).flatMap { graph.elements($0.arguments)?.first?.int }
  }
}
