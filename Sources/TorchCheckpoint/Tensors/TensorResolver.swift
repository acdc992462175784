internal import Pickle
internal import Tensors

/// Puts tensors together from the calls that a pickle describes.
struct TensorResolver {
  /// What a call comes to.
  enum Outcome {
    case tensor(TorchTensor)
    /// A tensor that nothing here can hold.
    case unsupported(type: String, shape: Shape?)
  }

  let storages: StorageTable
  /// What the persistent ids of an old tar's pickle stand for, where they are tensors.
  var tarTensors: [Outcome] = []
  /// Whether persistent ids stand for tensors, as in an old tar, and not for storages.
  var isTar = false

  /// How often a parameter may wrap another.
  private static let deepestWrapping = 16

  /// Whether a value is a tensor.
  static func isTensor(_ value: PickleValue, in graph: PickleGraph) -> Bool {
    guard let node = value.node, graph.nodes[node].kind == .call else { return false }
    switch graph.nodes[node].name.role {
    case .rebuildTensor, .rebuildTensorV2, .rebuildTensorV3, .rebuildParameter,
      .rebuildParameterWithState, .rebuildFromTypeV2, .rebuildSparse, .rebuildQuantized,
      .rebuildMeta, .rebuildNested, .parameterClass:
      return true
    default:
      return false
    }
  }

  /// Puts a tensor together.
  ///
  /// - Throws: `malformed` when arguments are missing or impossible.
  func resolve(_ value: PickleValue, in graph: PickleGraph) throws(CheckpointError) -> Outcome {
    guard let node = value.node else { throw .malformed("a tensor is missing") }
    do throws(CheckpointError) {
      return try resolve(node: node, in: graph)
    } catch {
      throw error.offset == nil
        ? CheckpointError(error.code, error.message, offset: graph.offset(of: node)) : error
    }
  }

  private func resolve(
    node start: Int, in graph: PickleGraph
  ) throws(CheckpointError) -> Outcome {
    var node = start
    for _ in 0..<Self.deepestWrapping {
      if graph.nodes[node].kind == .persistent, isTar {
        return tarTensors[Int(graph.nodes[node].lastRun)]
      }
      guard graph.nodes[node].kind == .call else {
        throw .malformed("a parameter is made of \(graph.article(.node(node))), not of a tensor")
      }
      var role = graph.nodes[node].name.role
      var arguments = Self.arguments(graph.part(0, of: node), in: graph)
      if role == .rebuildFromTypeV2 {
        (role, arguments) = try Self.unwrapType(arguments, in: graph)
      }
      switch role {
      case .rebuildParameter, .rebuildParameterWithState, .parameterClass:
        guard let inner = arguments.first?.node else {
          throw .malformed("a parameter has no tensor")
        }
        node = inner
      default:
        return try make(role, arguments, in: graph)
      }
    }
    throw .malformed("parameters wrap each other too deeply")
  }

  /// The arguments of a call; one more than any has is enough to see that there are too many.
  static func arguments(_ value: PickleValue, in graph: PickleGraph) -> [PickleValue] {
    guard let tuple = graph.tuple(value) else { return [] }
    return (0..<min(tuple.count, 16)).map { graph.part($0, of: tuple.node) }
  }

  /// The call inside `_rebuild_from_type_v2(function, type, arguments, state)`.
  private static func unwrapType(
    _ values: [PickleValue], in graph: PickleGraph
  ) throws(CheckpointError) -> (AllowedGlobal.Role, [PickleValue]) {
    guard
      values.count == 4, let function = values[0].name,
      let type = values[1].name?.role, type == .tensorClass || type == .parameterClass,
      graph.tuple(values[2]) != nil, function.role != .rebuildFromTypeV2
    else {
      throw .malformed("_rebuild_from_type_v2 has arguments that it cannot have")
    }
    return (function.role, arguments(values[2], in: graph))
  }

  private func make(
    _ role: AllowedGlobal.Role, _ arguments: [PickleValue], in graph: PickleGraph
  ) throws(CheckpointError) -> Outcome {
    switch role {
    case .rebuildTensor:
      try Self.check(arguments.count == 4, role)
      return try view(arguments, dtype: nil, metadata: nil, in: graph)
    case .rebuildTensorV2:
      try Self.check((6...7).contains(arguments.count), role)
      return try view(
        arguments, dtype: nil, metadata: arguments.count == 7 ? arguments[6] : nil, in: graph)
    case .rebuildTensorV3:
      try Self.check((7...8).contains(arguments.count), role)
      guard let name = arguments[6].name, name.role == .dtype, let dtype = name.dtype else {
        throw .malformed("a tensor has no element type")
      }
      return try view(
        arguments, dtype: dtype, metadata: arguments.count == 8 ? arguments[7] : nil, in: graph)
    case .rebuildQuantized:
      try Self.check(arguments.count == 7, role)
      let outcome = try view(arguments, dtype: nil, metadata: nil, in: graph)
      if case .unsupported(let type, let shape) = outcome {
        return .unsupported(type: "quantized " + type, shape: shape)
      }
      throw .malformed("a quantized tensor has elements that are not quantized")
    case .rebuildMeta:
      try Self.check(arguments.count == 4, role)
      guard let name = arguments[0].name, name.role == .dtype, let dtype = name.dtype,
        let sizes = Self.integers(arguments[1], in: graph), sizes.allSatisfy({ $0 >= 0 })
      else { throw .malformed("a meta tensor has an impossible shape or element type") }
      return .unsupported(
        type: "\(dtype.name) meta tensor (no data in the file)", shape: Shape(sizes))
    case .rebuildSparse:
      try Self.check(arguments.count == 2, role)
      return .unsupported(type: Self.sparseType(arguments, in: graph), shape: nil)
    case .rebuildNested:
      return .unsupported(type: "nested tensor", shape: nil)
    default:
      throw .malformed("\(AllowedGlobal(role)) gives no tensor")
    }
  }

  private static func check(_ isFine: Bool, _ role: AllowedGlobal.Role) throws(CheckpointError) {
    guard isFine else {
      throw .malformed("\(AllowedGlobal(role)) has too few or too many arguments")
    }
  }

  private static func sparseType(_ arguments: [PickleValue], in graph: PickleGraph) -> String {
    guard
      let node = arguments[0].node, graph.nodes[node].kind == .call,
      graph.nodes[node].name.role == .layout,
      let layout = Self.arguments(graph.part(0, of: node), in: graph).first.flatMap(graph.string),
      layout.hasPrefix("torch.")
    else { return "sparse tensor" }
    return layout.dropFirst("torch.".count) + " tensor"
  }
}

extension TensorResolver {
  /// A list of integers: a tuple, a list, or a `torch.Size` of one; nil for anything else.
  static func integers(_ value: PickleValue, in graph: PickleGraph) -> [Int]? {
    var value = value
    if let node = value.node, graph.nodes[node].kind == .call, graph.nodes[node].name.role == .size
    {
      guard let inner = arguments(graph.part(0, of: node), in: graph).first else { return nil }
      value = inner
    }
    guard let node = value.node, [.tuple, .list].contains(graph.nodes[node].kind) else {
      return nil
    }
    // More extents than a tensor may have need not be read to be refused.
    guard graph.nodes[node].count <= 1000 else { return nil }
    var integers: [Int] = []
    for part in graph.allParts(of: node) {
      guard let integer = part.int else { return nil }
      integers.append(integer)
    }
    return integers
  }

  /// A view of a storage: `(storage, offset, size, stride, …)`.
  private func view(
    _ arguments: [PickleValue], dtype: TorchDType?, metadata: PickleValue?, in graph: PickleGraph
  ) throws(CheckpointError) -> Outcome {
    guard let node = arguments[0].node, graph.nodes[node].kind == .persistent, !isTar
    else {
      throw .malformed("a tensor has no storage")
    }
    let reference = storages.references[Int(graph.nodes[node].lastRun)]
    guard let dtype = dtype ?? reference.dtype else {
      throw .malformed("a tensor has no element type")
    }
    guard
      let offset = arguments[1].int, let sizes = Self.integers(arguments[2], in: graph),
      let strides = Self.integers(arguments[3], in: graph)
    else {
      throw .malformed("has an impossible shape: a size, stride or offset is no integer")
    }
    var flags = Flags()
    if let metadata { flags = try Flags(metadata, in: graph) }
    return try Self.outcome(
      reference, offset: offset, sizes: sizes, strides: strides, dtype: dtype, flags: flags)
  }

  /// What is still to be done to the elements of a tensor.
  struct Flags {
    var isConjugated = false
    var isNegated = false
    /// Something that is not understood, so that the values are not certain.
    var hasOthers = false

    init() {}

    init(_ value: PickleValue, in graph: PickleGraph) throws(CheckpointError) {
      if case .none = value.kind { return }
      guard let node = value.node, graph.nodes[node].kind == .dict else {
        throw .malformed("a tensor has metadata that is no dict")
      }
      var cursor = PartCursor(graph, node)
      while let key = cursor.next(in: graph), let value = cursor.next(in: graph) {
        guard case .bool(let isSet) = value.kind else {
          hasOthers = true
          continue
        }
        if graph.isText(key, "conj") {
          isConjugated = isSet
        } else if graph.isText(key, "neg") {
          isNegated = isSet
        } else {
          hasOthers = true
        }
      }
    }
  }

  /// A checked view, as a tensor where its element type exists here.
  static func outcome(
    _ reference: StorageReference, offset: Int, sizes: [Int], strides: [Int], dtype: TorchDType,
    flags: Flags
  ) throws(CheckpointError) -> Outcome {
    let geometry = try TensorGeometry(
      offset: offset, sizes: sizes, strides: strides, elementByteCount: dtype.byteCount,
      range: reference.range)
    var dimensions = sizes.map { UInt($0) }
    guard !flags.hasOthers, let known = dtype.dtype else {
      return .unsupported(
        type: flags.hasOthers ? "\(dtype.name) tensor with metadata" : "\(dtype.name) tensor",
        shape: Shape(dimensions))
    }
    let canNegate =
      known.byteCount != 1 && known != .float4E2M1 || known == .int8 || known == .uint8
    guard !flags.isConjugated || dtype == .complex64, !flags.isNegated || canNegate else {
      return .unsupported(type: "negated \(dtype.name) tensor", shape: Shape(dimensions))
    }
    if known == .float4E2M1 {
      guard let last = dimensions.last, last <= UInt.max / 2 else {
        return .unsupported(type: "\(dtype.name) tensor", shape: Shape(dimensions))
      }
      dimensions[dimensions.count - 1] = last * 2
    }
    let shape = Shape(dimensions)
    guard try shape.byteCount(of: known) == geometry.byteCount else {
      throw .malformed("has an impossible shape")
    }
    return .tensor(
      TorchTensor(
        dtype: known, torchDType: dtype, shape: shape, byteCount: geometry.byteCount,
        storage: reference.storage, start: geometry.start,
        strides: geometry.isContiguous ? nil : strides, isConjugated: flags.isConjugated,
        isNegated: flags.isNegated))
  }
}
