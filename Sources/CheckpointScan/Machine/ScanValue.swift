// SPDX-License-Identifier: Apache-2.0
internal import Pickle

/// A value of a pickle as far as a scan follows it, in few bytes: large values are indices into the
/// tables of the machine.
enum ScanValue: Hashable, Sendable {
  /// An unknown value; a finding gives the reason.
  case unknown
  /// The result of a call that is a finding: of the name at this index, or of another value.
  case object(UInt32?)
  case none, boolean, double
  case integer(Int)
  /// An integer of more than 64 bits: the range of its bytes.
  case bigInteger(ScanText)
  case text(ScanText)
  /// Bytes, or text that `_codecs.encode` turns into bytes.
  case bytes(ScanText)
  /// An imported name, by its index among the names of the pickle.
  case name(UInt32)
  /// A tuple, by its index among those of the machine.
  case tuple(UInt32)
  /// A list, by its index among the containers of the machine; dicts likewise.
  case list(UInt32)
  case dictionary(UInt32)
  case orderedDictionary(UInt32)
  case set
  /// A `bytearray` of protocol 5.
  case byteArray(ScanText)
  /// The storage that a persistent id names, by its index among those of the machine; nil for an
  /// invalid id.
  case storage(UInt32?)
  /// A `torch.Size`, by the index of its tuple.
  case size(UInt32)
  /// An object of a class that the table allows, by its index among the containers of the machine.
  case instance(UInt32)
  /// Other data of this type.
  case other(PickleType)

  /// A tensor.
  static var tensor: Self { .other(.tensor) }
}

/// A tuple: the range of its elements, and whether all are data.
struct ScanTuple: Sendable {
  let start: UInt32
  let count: UInt32
  let isPlain: Bool

  /// The range among the elements of the machine.
  var range: Range<Int> { Int(start)..<Int(start) + Int(count) }
}

/// The properties of a list or dict.
struct ScanContainer: Sendable {
  /// The class or function that made an object.
  var global: AllowedGlobal?
  /// The number of items, or of keys.
  var count: UInt32 = 0
  /// The number of states that an object was given.
  var stateCount: UInt32 = 0
  /// Whether every item of a list is a tuple or list of two.
  var holdsPairs = true
  /// Whether every key is the name of an ordinary attribute, unlike `__class__`.
  var hasPlainKeys = true
  /// Whether it is the fields of a NumPy dtype, which must not change any more.
  var isFinal = false
  /// The items of a list, if the machine keeps them; the values of a dict, if all may be the fields of a
  /// NumPy dtype; the code and the state of such a dtype.
  var elements: [ScanValue] = []
}
