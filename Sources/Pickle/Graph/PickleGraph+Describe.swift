// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension PickleGraph {
  /// Whether a value is text.
  package func isString(_ value: PickleValue) -> Bool {
    switch value.kind {
    case .text, .escapedText: true
    default: false
    }
  }

  /// The Python type of a value.
  package func typeName(_ value: PickleValue) -> String {
    switch value.kind {
    case .none: "None"
    case .bool: "bool"
    case .int, .bigInt: "int"
    case .float: "float"
    case .text, .escapedText: "str"
    case .bytes: "bytes"
    case .name(let name): name.typeName
    case .foreign: "class or function"
    case .node(let index): typeName(ofNode: index)
    }
  }

  private func typeName(ofNode index: Int) -> String {
    let node = nodes[index]
    return switch node.kind {
    case .tuple: "tuple"
    case .list: node.name.role == .deque ? "deque" : "list"
    case .dict: node.name.role == .builtinType ? "dict" : node.name.description
    case .set: node.name.role == .frozenSet ? "frozenset" : "set"
    case .object: typeName(ofObject: index)
    case .persistent: "storage"
    case .call: node.name.resultName
    }
  }

  private func typeName(ofObject index: Int) -> String {
    let role = nodes[index].name.role
    guard role == .inert else {
      return role == .scriptClass ? "TorchScript object" : nodes[index].name.resultName
    }
    return PickledObject(index, in: self).name.map { "object of \($0.description.excerpt)" }
      ?? "object that only Python code makes"
  }

  /// The type with its article: `a dict`.
  package func article(_ value: PickleValue) -> String {
    let name = typeName(value)
    if case .none = value.kind { return name }
    return (name.first.map { "aeiouAEIOU".contains($0) } == true ? "an " : "a ") + name
  }

  /// The name of a value that is a class or function; the type of another value, with its article.
  package func describe(_ value: PickleValue) -> String {
    if let name = value.name { return name.description }
    if case .foreign(let index) = value.kind { return foreignNames[index].description }
    return article(value)
  }
}

extension AllowedGlobal: CustomStringConvertible {
  /// The name as Python programmers know it.
  @usableFromInline
  package var description: String {
    switch role {
    case .rebuildTensor: "_rebuild_tensor"
    case .rebuildTensorV2: "_rebuild_tensor_v2"
    case .rebuildTensorV3: "_rebuild_tensor_v3"
    case .rebuildParameter: "_rebuild_parameter"
    case .rebuildParameterWithState: "_rebuild_parameter_with_state"
    case .rebuildFromType: "_rebuild_from_type"
    case .rebuildFromTypeV2: "_rebuild_from_type_v2"
    case .rebuildSparse: "_rebuild_sparse_tensor"
    case .rebuildQuantized: "_rebuild_qtensor"
    case .rebuildMeta: "_rebuild_meta_tensor_no_storage"
    case .rebuildNested: "_rebuild_nested_tensor"
    case .orderedDict: "OrderedDict"
    case .counter: "Counter"
    case .defaultDict: "defaultdict"
    case .frozenSet: "frozenset"
    case .byteArray: "bytearray"
    case .encode: "_codecs.encode"
    case .size: "torch.Size"
    case .device: "torch.device"
    case .layout: "torch.layout"
    case .parameterClass: "Parameter"
    case .tensorClass: "\(dtype?.name ?? "torch") tensor"
    case .storageClass: "\(dtype?.name ?? "") storage"
    case .untypedStorage: "storage"
    case .dtype: "torch.\(dtype?.name ?? "dtype")"
    case .quantizationScheme: "quantization scheme"
    case .builtinType: "builtin type"
    case .scriptClass: "TorchScript class"
    case .scriptList, .scriptTag: "torch.jit._pickle"
    case .reconstructor: "copyreg._reconstructor"
    case .arrayReconstructor, .arrayFromBuffer: "NumPy array"
    case .arrayScalar: "NumPy scalar"
    case .arrayDType: "NumPy dtype"
    case .valueClass where qualifiedName.module.hasPrefix("numpy.random"): "NumPy random state"
    case .valueFunction, .valueClass, .namespaceClass: qualifiedName.name
    default: "\(role)"
    }
  }

  /// The type of the name itself, for names that may be values.
  package var typeName: String {
    switch role {
    case .dtype: "torch.dtype"
    case .quantizationScheme: "torch.qscheme"
    default: "type"
    }
  }

  /// The type of the result of a call.
  package var resultName: String {
    switch role {
    case .rebuildTensor, .rebuildTensorV2, .rebuildTensorV3, .rebuildParameter,
      .rebuildParameterWithState, .rebuildFromType, .rebuildFromTypeV2, .parameterClass:
      "tensor"
    case .rebuildSparse: "sparse tensor"
    case .rebuildQuantized: "quantized tensor"
    case .rebuildMeta: "meta tensor"
    case .rebuildNested: "nested tensor"
    case .encode: "bytes"
    default: description
    }
  }
}
