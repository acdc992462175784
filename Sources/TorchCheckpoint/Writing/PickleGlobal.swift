internal import Pickle

/// A class or function as a pickle names it.
struct PickleGlobal: Hashable {
  let module: String
  let name: String

  static let orderedDict = Self(module: "collections", name: "OrderedDict")
  static let rebuildTensor2 = Self(module: "torch._utils", name: "_rebuild_tensor_v2")
  static let rebuildTensor3 = Self(module: "torch._utils", name: "_rebuild_tensor_v3")
  static let rebuildParameter = Self(module: "torch._utils", name: "_rebuild_parameter")
  static let untypedStorage = Self(module: "torch.storage", name: "UntypedStorage")

  /// Something of the module `torch` itself: a storage class or a dtype.
  static func torch(_ name: String) -> Self {
    Self(module: "torch", name: name)
  }
}

/// The opcodes that a dict of tensors takes, named by what they do.
enum PickleOpcode: UInt8 {
  /// `PROTO`
  case `protocol` = 0x80
  /// `STOP`
  case stop = 0x2E
  /// `MARK`
  case mark = 0x28
  /// `GLOBAL`
  case global = 0x63
  /// `REDUCE`: calls what is below the arguments.
  case reduce = 0x52
  /// `BINPERSID`
  case persistentID = 0x51
  /// `BINPUT`
  case putShort = 0x71
  /// `LONG_BINPUT`
  case put = 0x72
  /// `BINGET`
  case getShort = 0x68
  /// `LONG_BINGET`
  case get = 0x6A
  /// `EMPTY_DICT`
  case emptyDict = 0x7D
  /// `SETITEM`
  case setItem = 0x73
  /// `SETITEMS`
  case setItems = 0x75
  /// `EMPTY_TUPLE`
  case emptyTuple = 0x29
  /// `TUPLE`, from the mark on
  case tuple = 0x74
  /// `TUPLE1`
  case tuple1 = 0x85
  /// `TUPLE2`
  case tuple2 = 0x86
  /// `TUPLE3`
  case tuple3 = 0x87
  /// `BINUNICODE`
  case unicode = 0x58
  /// `BININT1`
  case int8 = 0x4B
  /// `BININT2`
  case int16 = 0x4D
  /// `BININT`
  case int32 = 0x4A
  /// `LONG1`
  case long = 0x8A
  /// `NEWTRUE`
  case `true` = 0x88
  /// `NEWFALSE`
  case `false` = 0x89
}
