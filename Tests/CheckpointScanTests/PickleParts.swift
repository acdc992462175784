// SPDX-License-Identifier: Apache-2.0
import Pickle
import TestSupport

/// Pieces of pickles, as opcodes.
enum Part {
  static func global(_ module: String, _ name: String) -> [UInt8] {
    Array("c\(module)\n\(name)\n".utf8)
  }

  static func global(_ global: AllowedGlobal) -> [UInt8] {
    self.global(global.qualifiedName.module, global.qualifiedName.name)
  }

  static func text(_ text: String) -> [UInt8] {
    [0x58] + littleEndian(UInt32(text.utf8.count)) + Array(text.utf8)
  }

  static func number(_ value: Int) -> [UInt8] {
    [0x8A, 8] + littleEndian(Int64(value))
  }

  static func tuple(_ items: [[UInt8]]) -> [UInt8] { [0x28] + items.joined() + [0x74] }

  static func call(_ function: [UInt8], _ arguments: [[UInt8]]) -> [UInt8] {
    function + tuple(arguments) + [0x52]
  }

  static func dict(_ entries: [(String, [UInt8])]) -> [UInt8] {
    [0x7D, 0x28] + entries.flatMap { text($0) + $1 } + [0x75]
  }

  static func storage(_ key: String = "0", type: [UInt8] = global("torch", "FloatStorage"))
    -> [UInt8]
  {
    tuple([text("storage"), type, text(key), text("cpu"), number(4)]) + [0x51]
  }

  /// A NumPy dtype, and its state if one is given.
  static func dtype(_ code: String, _ state: [UInt8] = []) -> [UInt8] {
    call(global("numpy", "dtype"), [text(code), falseValue, trueValue])
      + (state.isEmpty ? [] : state + [0x62])
  }

  /// The state of a NumPy dtype without metadata.
  static func dtypeState(
    names: [UInt8] = none, fields: [UInt8] = none, size: Int = -1, flags: Int = 0
  ) -> [UInt8] {
    tuple([
      number(3), text("|"), none, names, fields, number(size), number(-1), number(flags),
    ])
  }

  /// The state of a NumPy array of one element.
  static func arrayState(_ dtype: [UInt8], _ data: [UInt8]) -> [UInt8] {
    tuple([number(1), tuple([number(1)]), dtype, falseValue, data])
  }

  static func array(_ dtype: [UInt8], _ data: [UInt8]) -> [UInt8] {
    call(
      global("numpy._core.multiarray", "_reconstruct"),
      [global("numpy", "ndarray"), tuple([number(0)]), [0x43, 1, 0x62]])
      + arrayState(dtype, data) + [0x62]
  }

  static let none: [UInt8] = [0x4E]
  static let falseValue: [UInt8] = [0x89]
  static let trueValue: [UInt8] = [0x88]
  static let orderedDict = call(global("collections", "OrderedDict"), [])

  static let tensor = call(
    global("torch._utils", "_rebuild_tensor_v2"),
    [storage(), number(0), tuple([number(4)]), tuple([number(1)]), falseValue, orderedDict])

  /// A state dict with a tensor, and a second value.
  static func stateDict(with value: [UInt8]) -> [UInt8] {
    [0x80, 2] + dict([("w", tensor), ("x", value)]) + [0x2E]
  }

  /// A torch file around a pickle, with one storage of four floats.
  static func archive(_ pickle: [UInt8]) throws -> [UInt8] {
    try RawZip([
      .init("archive/data.pkl", pickle), .init("archive/byteorder", Array("little".utf8)),
      .init("archive/data/0", [UInt8](repeating: 0, count: 16)),
      .init("archive/version", Array("3\n".utf8)),
    ]).bytes()
  }

  /// Values of every kind, by what they are.
  static let samples: [(name: String, bytes: [UInt8])] = [
    ("None", none), ("True", [0x88]), ("3", number(3)), ("-1", number(-1)),
    ("2^62", number(1 << 62)), ("2^70", [0x8A, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0x40]),
    ("0.5", [0x47, 0x3F, 0xE0, 0, 0, 0, 0, 0, 0]), ("'cpu'", text("cpu")),
    ("'latin1'", text("latin1")), ("'rot13'", text("rot13")), ("b'a'", [0x43, 1, 0x61]),
    ("bytearray(b'a')", [0x96, 1, 0, 0, 0, 0, 0, 0, 0, 0x61]),
    ("python 2 str", [0x55, 1, 0x61]), ("python 2 bytes", [0x55, 1, 0xFF]),
    ("()", [0x29]), ("(4,)", tuple([number(4)])),
    ("(0.5,)", tuple([[0x47, 0x3F, 0xE0, 0, 0, 0, 0, 0, 0]])),
    ("(None, None)", tuple([none, none])), ("('a', 1)", tuple([text("a"), number(1)])),
    ("(dtype,)", tuple([global("torch", "float32")])),
    ("(class,)", tuple([global("torch", "FloatStorage")])),
    ("((class,),)", tuple([tuple([global("torch", "FloatStorage")])])),
    ("[]", [0x5D]), ("[1]", [0x5D] + number(1) + [0x61]),
    ("[('a', 1)]", [0x5D] + tuple([text("a"), number(1)]) + [0x61]),
    ("[['a', 1]]", [0x5D, 0x5D, 0x28] + text("a") + number(1) + [0x65, 0x61]),
    ("[class]", [0x5D] + global("torch", "FloatStorage") + [0x61]),
    ("{}", [0x7D]), ("{'a': 1}", dict([("a", number(1))])),
    ("{'__class__': 1}", dict([("__class__", number(1))])),
    ("{1: 2}", [0x7D] + number(1) + number(2) + [0x73]),
    ("OrderedDict()", orderedDict),
    ("OrderedDict(a=1)", orderedDict + text("a") + number(1) + [0x73]),
    ("set()", [0x8F]), ("frozenset()", [0x28, 0x91]),
    ("set([1])", call(global("builtins", "set"), [[0x5D] + number(1) + [0x61]])),
    ("Counter()", call(global("collections", "Counter"), [])),
    ("defaultdict()", call(global("collections", "defaultdict"), [])),
    ("bytes()", call(global("builtins", "bytes"), [])),
    ("encoded", call(global("_codecs", "encode"), [text("a"), text("latin1")])),
    ("storage", storage()), ("tensor", tensor), ("dtype", global("torch", "float32")),
    ("qscheme", global("torch", "per_tensor_affine")), ("list type", global("builtins", "list")),
    ("set type", global("builtins", "set")), ("storage class", global("torch", "FloatStorage")),
    ("tensor class", global("torch", "FloatTensor")),
    ("Parameter", global("torch.nn.parameter", "Parameter")),
    ("function", global("torch._utils", "_rebuild_tensor_v2")),
    ("layout", call(global("torch.serialization", "_get_layout"), [text("torch.strided")])),
    ("Size", call(global("torch", "Size"), [tuple([number(4)])])),
    ("device", call(global("torch", "device"), [text("cpu")])),
    ("ndarray", global("numpy", "ndarray")),
    ("NumPy dtype", call(global("numpy", "dtype"), [text("f4"), falseValue, trueValue])),
    ("'f4'", text("f4")),
    ("array state", arrayState(dtype("f4"), [0x43, 4, 0, 0, 0, 0])),
    ("Namespace", global("argparse", "Namespace")),
    ("object", global("argparse", "Namespace") + [0x29, 0x81]),
    ("variable state", tuple([falseValue, falseValue, orderedDict])),
    ("unknown name", global("peftkit_hostile_fixture", "run")),
    ("inert object", call(global("peftkit_hostile_fixture", "run"), [])),
  ]

  /// An argument that a parameter accepts.
  static func argument(for parameter: CallRule.Parameter) -> [UInt8] {
    let name =
      switch parameter {
      case .boolean: "True"
      case .integer, .number, .numberOrNone: "3"
      case .text, .data, .dataOrMaker: "'cpu'"
      case .bytes: "b'a'"
      case .list: "[1]"
      case .storage: "storage"
      case .tensor: "tensor"
      case .dtype: "dtype"
      case .layout: "layout"
      case .latin1: "'latin1'"
      case .none: "None"
      case .integerOrNone, .flag: "3"
      case .arrayClass: "ndarray"
      case .arrayState: "array state"
      case .plainDType: "NumPy dtype"
      case .dtypeCode: "'f4'"
      case .dataClass: "Namespace"
      case .builtin: "list type"
      case .variableState: "variable state"
      case .integerTuple, .integers, .tuple: "(4,)"
      case .sequence: "[1]"
      case .pairs: "[('a', 1)]"
      case .dictionary, .metadata, .state: "{'a': 1}"
      case .noHooks: "OrderedDict()"
      case .factory: "list type"
      case .rebuildFunction: "function"
      case .tensorClass: "Parameter"
      case .argumentsOfFirst: ""
      }
    if parameter == .argumentsOfFirst {
      return tuple([
        storage(), number(0), tuple([number(4)]), tuple([number(1)]), falseValue, orderedDict,
      ])
    }
    if parameter == .integer { return number(0) }
    if parameter == .integers { return tuple([number(1)]) }
    return samples.first { $0.name == name }?.bytes ?? []
  }
}
