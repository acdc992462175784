// SPDX-License-Identifier: Apache-2.0
internal import Pickle

/// What a scan knows of a value that a pickle makes, in few bytes: others by their place in the
/// tables of the machine.
enum ScanValue: Hashable, Sendable {
  /// It cannot be told; a finding says why.
  case unknown
  /// It came out of something that is a finding: a call of the name at this place, or nil.
  case object(UInt32?)
  case none, boolean, double
  case integer(Int)
  /// An integer beyond 64 bits, and its bytes.
  case bigInteger(ScanText)
  case text(ScanText)
  /// Literal bytes, or text encoded with latin1.
  case bytes(ScanText)
  /// An imported name, by its place in the pickle's list.
  case name(UInt32)
  /// By its place in the machine's tuples.
  case tuple(UInt32)
  /// Lists and dicts by their place in the machine's containers.
  case list(UInt32)
  case dictionary(UInt32)
  case orderedDictionary(UInt32)
  case set
  /// A `bytearray` in the pickle itself.
  case byteArray(ScanText)
  /// The storage that a persistent id names, by its index among the machine's; nil when the id is wrong.
  case storage(UInt32?)
  /// A `torch.Size`, by the index of the tuple that it was made of.
  case size(UInt32)
  /// An object of a TorchScript class, by its index among the machine's containers.
  case instance(UInt32)
  /// Other data of this type.
  case other(PickleType)

  /// A tensor.
  static var tensor: Self { .other(.tensor) }
}

/// A tuple: where its elements stand, and whether they are data throughout.
struct ScanTuple: Sendable {
  let start: UInt32
  let count: UInt32
  let isPlain: Bool

  /// Where its elements stand in the machine's.
  var range: Range<Int> { Int(start)..<Int(start) + Int(count) }
}

/// What has been put into a list or dict.
struct ScanContainer: Sendable {
  /// The number of items, of keys, or of attribute dicts of an object.
  var count: UInt32 = 0
  /// Whether every item of a list is a tuple or list of two.
  var holdsPairs = true
  /// Whether every key is text that sets no special attribute (`__class__`).
  var hasPlainKeys = true
  /// The keys of a list of text; kept where the machine was asked to.
  var elements: [ScanValue] = []
}
