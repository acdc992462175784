// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Tensors

/// Creates tensors from the calls that a pickle describes.
struct TensorResolver {
  /// The result of a call.
  enum Outcome {
    case tensor(TorchTensor)
    /// A tensor of a type that is not read.
    case unsupported(type: String, shape: Shape?)
  }

  let storages: StorageTable
  /// The tensors that the persistent ids of a tar archive's pickle name.
  var tarTensors: [Outcome] = []
  /// Whether persistent ids name tensors, as in a tar archive, and not storages.
  var isTar = false

  /// The largest number of parameters that wrap each other.
  private static let deepestWrapping = 16

  /// Creates a tensor.
  ///
  /// - Parameter value: a value of type `tensor`.
  /// - Throws: `malformed` when its shape is impossible.
  func resolve(_ value: PickleValue, in graph: PickleGraph) throws(CheckpointError) -> Outcome {
    guard let node = value.node else { throw .malformed("a tensor is missing") }
    do throws(CheckpointError) {
      return try resolve(node: node, in: graph)
    } catch {
      throw error.offset == nil
        ? CheckpointError(error.code, error.message, offset: graph.offset(of: node)) : error
    }
  }

  /// The tensor of a node that is a NumPy array; nil when its elements are not numbers.
  ///
  /// - Throws: `malformed` when its shape is impossible.
  func array(_ node: Int, in graph: PickleGraph) throws(CheckpointError) -> Outcome? {
    // An array without its state has no elements.
    guard
      graph.nodes[node].flags.contains(.hasState)
        || graph.nodes[node].name.role == .arrayFromBuffer
    else { return nil }
    let array = storages.arrays[Int(graph.nodes[node].lastRun)]
    guard let dtype = array.reference.dtype else { return nil }
    return try Self.outcome(
      array.reference, offset: 0, sizes: array.sizes, strides: array.strides, dtype: dtype,
      flags: Flags())
  }

  private func resolve(
    node start: Int, in graph: PickleGraph
  ) throws(CheckpointError) -> Outcome {
    var node = start
    for _ in 0..<Self.deepestWrapping {
      if graph.nodes[node].kind == .persistent, isTar {
        return tarTensors[Int(graph.nodes[node].lastRun)]
      }
      var role = graph.nodes[node].name.role
      var arguments = Self.arguments(graph.part(0, of: node), in: graph)
      if role == .rebuildFromTypeV2 || role == .rebuildFromType, arguments.count == 4,
        let function = arguments[0].name
      {
        (role, arguments) = (function.role, Self.arguments(arguments[2], in: graph))
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
    throw .malformed("parameters are nested too deeply")
  }

  /// The arguments of a call.
  static func arguments(_ value: PickleValue, in graph: PickleGraph) -> [PickleValue] {
    graph.elements(value) ?? []
  }

  /// Creates a tensor from arguments that the table of calls allows.
  private func make(
    _ role: AllowedGlobal.Role, _ arguments: [PickleValue], in graph: PickleGraph
  ) throws(CheckpointError) -> Outcome {
    switch role {
    case .rebuildTensor:
      return try view(arguments, dtype: nil, metadata: nil, in: graph)
    case .rebuildTensorV2:
      return try view(
        arguments, dtype: nil, metadata: arguments.count == 7 ? arguments[6] : nil, in: graph)
    case .rebuildTensorV3:
      return try view(
        arguments, dtype: arguments[6].name?.dtype,
        metadata: arguments.count == 8 ? arguments[7] : nil, in: graph)
    case .rebuildQuantized:
      let outcome = try view(arguments, dtype: nil, metadata: nil, in: graph)
      if case .unsupported(let type, let shape) = outcome {
        return .unsupported(type: "quantized " + type, shape: shape)
      }
      throw .malformed("a quantized tensor has elements that are not quantized")
    case .rebuildMeta:
      guard let dtype = arguments[0].name?.dtype, let sizes = graph.integers(arguments[1]),
        sizes.allSatisfy({ $0 >= 0 })
      else { throw .malformed("a meta tensor has an impossible shape") }
      return .unsupported(
        type: "\(dtype.name) meta tensor (no data in the file)", shape: Shape(sizes))
    case .rebuildSparse:
      return .unsupported(type: Self.sparseType(arguments, in: graph), shape: nil)
    default:
      return .unsupported(type: "nested tensor", shape: nil)
    }
  }

  private static func sparseType(_ arguments: [PickleValue], in graph: PickleGraph) -> String {
    guard
      let node = arguments[0].node,
      let layout = Self.arguments(graph.part(0, of: node), in: graph).first.flatMap(graph.string),
      layout.hasPrefix("torch.")
    else { return "sparse tensor" }
    return layout.dropFirst("torch.".count) + " tensor"
  }
}

extension TensorResolver {
  /// Creates a view of a storage from `(storage, offset, size, stride, …)`.
  private func view(
    _ arguments: [PickleValue], dtype: TorchDType?, metadata: PickleValue?, in graph: PickleGraph
  ) throws(CheckpointError) -> Outcome {
    guard let node = arguments[0].node else { throw .malformed("a tensor has no storage") }
    let reference = storages.references[Int(graph.nodes[node].lastRun)]
    guard let dtype = dtype ?? reference.dtype else {
      throw .malformed("a tensor has no element type")
    }
    guard
      let offset = arguments[1].int, let sizes = graph.integers(arguments[2]),
      let strides = graph.integers(arguments[3])
    else {
      throw .malformed("has an impossible shape: a size, stride or offset is out of range")
    }
    var flags = Flags()
    if let metadata { flags = try Flags(metadata, in: graph) }
    return try Self.outcome(
      reference, offset: offset, sizes: sizes, strides: strides, dtype: dtype, flags: flags)
  }

  /// Operations that torch has postponed on the elements of a tensor.
  struct Flags {
    var isConjugated = false
    var isNegated = false
    /// Whether there are unknown operations, so that the values are unknown.
    var hasOthers = false

    init() {}

    init(_ value: PickleValue, in graph: PickleGraph) throws(CheckpointError) {
      if case .none = value.kind { return }
      guard let node = value.node, graph.nodes[node].kind == .dict else {
        throw .malformed("the metadata of a tensor is not a dict")
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

  /// Checks a view, and returns a tensor if there is a dtype for its elements.
  static func outcome(
    _ reference: StorageReference, offset: Int, sizes: [Int], strides: [Int], dtype: TorchDType,
    flags: Flags
  ) throws(CheckpointError) -> Outcome {
    let geometry = try TensorGeometry(
      offset: offset, sizes: sizes, strides: strides, elementByteCount: dtype.byteCount)
    guard geometry.endByte <= reference.range.count else {
      throw .malformed(
        "reaches beyond its storage: it ends at byte \(geometry.endByte) of "
          + "\(reference.range.count)")
    }
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
        storage: reference.storage, start: reference.range.lowerBound + geometry.start,
        strides: geometry.isContiguous ? nil : strides, isConjugated: flags.isConjugated,
        isNegated: flags.isNegated))
  }
}
