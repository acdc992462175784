package import Tensors

/// A name that a tensor checkpoint may import. It stands for itself: nothing is looked up, nothing
/// is called.
package struct AllowedGlobal: BitwiseCopyable, Hashable, Sendable {
  /// What the name stands for.
  package enum Role: UInt8, BitwiseCopyable, CaseIterable, Sendable {
    // What Python calls.
    case rebuildTensor, rebuildTensorV2, rebuildTensorV3
    case rebuildParameter, rebuildParameterWithState, rebuildFromTypeV2
    case rebuildSparse, rebuildQuantized, rebuildMeta, rebuildNested
    case orderedDict, counter, defaultDict
    case set, frozenSet, bytes, byteArray, complex, range, slice
    case encode, size, device, layout
    case scriptList, scriptTag
    // What is only named.
    case parameterClass, tensorClass, storageClass, untypedStorage, dtype, quantizationScheme
    case builtinType, scriptClass
  }

  /// What the name stands for.
  package let role: Role
  private let dtypeCode: UInt8

  /// The element type of a storage class or dtype.
  package var dtype: TorchDType? { TorchDType(rawValue: dtypeCode) }

  package init(_ role: Role, _ dtype: TorchDType? = nil) {
    self.role = role
    dtypeCode = dtype?.rawValue ?? .max
  }

  package var rawValue: UInt16 { UInt16(role.rawValue) << 8 | UInt16(dtypeCode) }

  /// The name of a raw value made by `rawValue`.
  package init(rawValue: UInt16) {
    role = Role(rawValue: UInt8(rawValue >> 8)) ?? .builtinType
    dtypeCode = UInt8(truncatingIfNeeded: rawValue)
  }

  /// The name that a pickle imports as `module` and `name`; nil when it is not on the list.
  package static func named(module: String, name: String) -> AllowedGlobal? {
    let module = module == "__builtin__" ? "builtins" : module
    return list[ImportedName(module: module, name: name)]
  }

  /// Whether a module is one of TorchScript's own, whose classes hold attributes only.
  package static func isScriptModule(_ module: String) -> Bool {
    module == "__torch__" || module.utf8.starts(with: "__torch__.".utf8)
  }
}

/// A module and a name, compared as bytes.
package struct ImportedName: Hashable, Sendable {
  package let module: TensorName
  package let name: TensorName

  package init(module: String, name: String) {
    self.module = TensorName(module)
    self.name = TensorName(name)
  }

  /// As Python programmers write it.
  package var text: String { module.string + "." + name.string }
}

extension AllowedGlobal {
  /// Every name on the list, and no other: compared exactly, no dots, no look-alikes.
  package static let list: [ImportedName: AllowedGlobal] = {
    var list: [ImportedName: AllowedGlobal] = [:]
    for (module, name, role) in functions {
      list[ImportedName(module: module, name: name)] = AllowedGlobal(role)
    }
    for (name, dtype) in TorchDType.storageClasses {
      let tensor = String(name.dropLast("Storage".count)) + "Tensor"
      for module in ["torch", "torch.cuda"] {
        list[ImportedName(module: module, name: name)] = AllowedGlobal(.storageClass, dtype)
        list[ImportedName(module: module, name: tensor)] = AllowedGlobal(.tensorClass, dtype)
      }
    }
    for dtype in TorchDType.allCases {
      list[ImportedName(module: "torch", name: dtype.name)] = AllowedGlobal(.dtype, dtype)
    }
    for name in [
      "per_tensor_affine", "per_tensor_symmetric", "per_channel_affine", "per_channel_symmetric",
      "per_channel_affine_float_qparams",
    ] { list[ImportedName(module: "torch", name: name)] = AllowedGlobal(.quantizationScheme) }
    for name in ["list", "dict", "tuple", "int", "float", "bool", "str"] {
      list[ImportedName(module: "builtins", name: name)] = AllowedGlobal(.builtinType)
    }
    return list
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
    ("torch.nn.parameter", "Parameter", .parameterClass),
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
}
