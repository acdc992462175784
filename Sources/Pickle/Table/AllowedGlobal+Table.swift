// SPDX-License-Identifier: Apache-2.0
internal import Tensors

// The names that the pickle of a checkpoint may import, and the arguments that it may call them with. The
// reader and the scan query the same table, so they cannot disagree.

extension AllowedGlobal {
  /// All allowed names, each with the value that it denotes.
  package static let table: [(name: QualifiedName, global: AllowedGlobal)] = {
    var table: [(name: QualifiedName, global: AllowedGlobal)] = []
    func add(_ module: String, _ name: String, _ role: Role, _ dtype: TorchDType? = nil) {
      table.append((QualifiedName(module: module, name: name), AllowedGlobal(role, dtype)))
    }
    for (module, name, role) in functions { add(module, name, role) }
    for dtype in TorchDType.allCases {
      add("torch", dtype.name, .dtype, dtype)
      guard let storage = dtype.storageClass else { continue }
      let tensor = String(storage.dropLast("Storage".count)) + "Tensor"
      for module in ["torch", "torch.cuda"] {
        add(module, storage, .storageClass, dtype)
        add(module, tensor, .tensorClass, dtype)
      }
    }
    for name in [
      "per_tensor_affine", "per_tensor_symmetric", "per_channel_affine", "per_channel_symmetric",
      "per_channel_affine_float_qparams",
    ] { add("torch", name, .quantizationScheme) }
    for (module, name) in types { add(module, name, .builtinType) }
    for (role, names) in [
      (Role.valueFunction, valueFunctions), (.valueClass, valueClasses),
      (.namespaceClass, namespaceClasses),
    ] {
      for (number, (module, name)) in names.enumerated() {
        table.append(
          (QualifiedName(module: module, name: name), AllowedGlobal(role, number: number)))
      }
    }
    return table
  }()

  private static let functions: [(String, String, Role)] = [
    ("torch._utils", "_rebuild_tensor", .rebuildTensor),
    ("torch._utils", "_rebuild_tensor_v2", .rebuildTensorV2),
    ("torch._utils", "_rebuild_tensor_v3", .rebuildTensorV3),
    ("torch._utils", "_rebuild_parameter", .rebuildParameter),
    ("torch._utils", "_rebuild_parameter_with_state", .rebuildParameterWithState),
    ("torch._utils", "_rebuild_sparse_tensor", .rebuildSparse),
    ("torch._utils", "_rebuild_sparse_csr_tensor", .rebuildSparse),
    ("torch._utils", "_rebuild_qtensor", .rebuildQuantized),
    ("torch._utils", "_rebuild_meta_tensor_no_storage", .rebuildMeta),
    ("torch._utils", "_rebuild_nested_tensor", .rebuildNested),
    ("torch._tensor", "_rebuild_from_type_v2", .rebuildFromTypeV2),
    ("torch._tensor", "_rebuild_from_type", .rebuildFromType),
    ("torch.tensor", "_rebuild_from_type", .rebuildFromType),
    ("torch.nn.parameter", "Parameter", .parameterClass),
    ("torch.autograd.variable", "Variable", .parameterClass),
    ("torch.nn.parameter", "Buffer", .tensorClass),
    ("torch", "Tensor", .tensorClass),
    ("torch._tensor", "Tensor", .tensorClass),
    ("torch.storage", "UntypedStorage", .untypedStorage),
    ("torch", "Size", .size),
    ("torch", "device", .device),
    ("torch.serialization", "_get_layout", .layout),
    ("collections", "OrderedDict", .orderedDict),
    ("collections", "Counter", .counter),
    ("collections", "defaultdict", .defaultDict),
    ("collections", "deque", .deque),
    ("copyreg", "_reconstructor", .reconstructor),
    ("numpy", "ndarray", .arrayClass),
    ("numpy", "dtype", .arrayDType),
    ("numpy.core.multiarray", "_reconstruct", .arrayReconstructor),
    ("numpy._core.multiarray", "_reconstruct", .arrayReconstructor),
    ("numpy.core.numeric", "_frombuffer", .arrayFromBuffer),
    ("numpy._core.numeric", "_frombuffer", .arrayFromBuffer),
    ("numpy.core.multiarray", "scalar", .arrayScalar),
    ("numpy._core.multiarray", "scalar", .arrayScalar),
    ("builtins", "set", .set),
    ("builtins", "frozenset", .frozenSet),
    ("builtins", "bytes", .bytes),
    ("builtins", "bytearray", .byteArray),
    ("builtins", "complex", .complex),
    ("builtins", "range", .range),
    ("builtins", "xrange", .range),
    ("builtins", "slice", .slice),
    ("_codecs", "encode", .encode),
    ("torch.jit._pickle", "build_intlist", .scriptList),
    ("torch.jit._pickle", "build_tensorlist", .scriptList),
    ("torch.jit._pickle", "build_doublelist", .scriptList),
    ("torch.jit._pickle", "build_boollist", .scriptList),
    ("torch.jit._pickle", "restore_type_tag", .scriptTag),
  ]

  /// The rule for calls of the name; nil for a name that is never called.
  @usableFromInline
  package var call: CallRule? { Self.calls[Int(role.rawValue)] }

  private static let calls: [CallRule?] = Role.allCases.map(call)

  private static func call(of role: Role) -> CallRule? {
    switch role {
    case .rebuildTensor:
      CallRule([.storage, .integer, .integers, .integers], gives: .tensor)
    case .rebuildTensorV2:
      CallRule(
        [.storage, .integer, .integers, .integers, .boolean, .noHooks], optional: [.metadata],
        gives: .tensor)
    case .rebuildTensorV3:
      CallRule(
        [.storage, .integer, .integers, .integers, .boolean, .noHooks, .dtype],
        optional: [.metadata], gives: .tensor)
    case .rebuildQuantized:
      CallRule(
        [.storage, .integer, .integers, .integers, .tuple, .boolean, .noHooks], gives: .tensor)
    case .rebuildMeta:
      CallRule([.dtype, .integers, .integers, .boolean], gives: .tensor)
    case .rebuildSparse:
      CallRule([.layout, .tuple], gives: .tensor)
    case .rebuildNested:
      CallRule([.tensor, .tensor, .tensor, .tensor], gives: .tensor)
    case .rebuildParameter:
      CallRule([.tensor, .boolean, .noHooks], gives: .tensor)
    case .rebuildParameterWithState:
      CallRule([.tensor, .boolean, .noHooks, .state], gives: .tensor)
    case .rebuildFromType:
      CallRule([.rebuildFunction, .tensorClass, .argumentsOfFirst, .metadata], gives: .tensor)
    case .rebuildFromTypeV2:
      CallRule([.rebuildFunction, .tensorClass, .argumentsOfFirst, .state], gives: .tensor)
    case .parameterClass:
      CallRule([.tensor], optional: [.boolean], gives: .tensor, otherwise: .allocates)
    case .orderedDict:
      CallRule([], optional: [.pairs], gives: .orderedDictionary)
    case .counter:
      CallRule([], optional: [.dictionary], gives: .mutableData)
    case .defaultDict:
      CallRule([], optional: [.factory], gives: .dictionary)
    case .deque:
      CallRule([], optional: [.sequence, .integerOrNone], gives: .list)
    case .reconstructor:
      CallRule([.dataClass, .builtin, .none], gives: .object)
    case .arrayReconstructor:
      CallRule([.arrayClass, .integerTuple, .data], gives: .array)
    case .arrayFromBuffer:
      CallRule([.data, .plainDType, .integerTuple, .text], gives: .array)
    case .arrayScalar:
      CallRule([.plainDType], optional: [.data], gives: .data)
    case .arrayDType:
      CallRule([.dtypeCode], optional: [.flag, .flag], gives: .arrayDType)
    case .valueFunction:
      CallRule(repeating: .data, gives: .data)
    case .valueClass, .namespaceClass:
      CallRule(repeating: .dataOrMaker, gives: .object)
    case .set:
      CallRule([], optional: [.sequence], gives: .mutableData)
    case .frozenSet:
      CallRule([], optional: [.sequence], gives: .data)
    case .bytes:
      CallRule([], gives: .bytes, otherwise: .allocates)
    case .byteArray:
      // Bytes, or text, which protocol 2 writes in their place. A number would be a size.
      CallRule(
        [], optional: [.bytes], or: [.text, .latin1], gives: .mutableData, otherwise: .allocates)
    case .encode:
      CallRule([.text, .latin1], gives: .bytes, otherwise: .runsCode)
    case .complex:
      CallRule([.number, .number], gives: .data)
    case .range:
      CallRule([.integer], optional: [.integer, .integer], gives: .data)
    case .slice:
      CallRule([.numberOrNone], optional: [.numberOrNone, .numberOrNone], gives: .data)
    case .size:
      CallRule([.integerTuple], gives: .size)
    case .device:
      CallRule([.text], optional: [.integer], gives: .data)
    case .layout:
      CallRule([.text], gives: .layout)
    case .scriptList:
      CallRule([.list], givesArgument: 0)
    case .scriptTag:
      CallRule([.data, .text], givesArgument: 0)
    case .tensorClass, .storageClass, .untypedStorage, .dtype, .quantizationScheme, .builtinType,
      .arrayClass, .scriptClass, .inert:
      nil
    }
  }

  /// The states that BUILD may give to what the name makes; nil for none. `OrderedDict` has a rule of
  /// its own (spec/scan.md S9).
  @usableFromInline
  package var state: CallRule.Parameter? {
    switch role {
    case .scriptClass, .valueClass: .data
    case .namespaceClass: .state
    case .arrayReconstructor: .arrayState
    case .arrayDType: .tuple
    case .parameterClass: .variableState
    default: nil
    }
  }

  /// Whether BUILD may give a state to an object that the name made.
  @usableFromInline
  package func accepts<I: PickleInspector & ~Escapable>(
    _ state: I.Value, of object: I.Value, in inspector: I
  ) -> Bool {
    guard self.state?.accepts(state, in: inspector) == true else { return false }
    guard !inspector.asksForCode, let (code, _) = inspector.dtype(object) else { return true }
    return NumPyDType.accepts(state, of: code, in: inspector)
  }

  /// The type of the objects that the name makes.
  @usableFromInline
  package var objectType: PickleType { call?.resultType ?? .object }
}
