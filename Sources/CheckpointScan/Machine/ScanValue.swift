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
  /// What a persistent id stands for, by its place in the machine's storages; nil when it is flawed.
  case storage(UInt32?)
  case tensor
  /// A `torch.Size`.
  case size
  /// An object of a TorchScript class.
  case instance
  /// Anything else that is data.
  case data
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
  /// The number of items, or of keys.
  var count: UInt32 = 0
  /// Whether every key is text that sets no special attribute (`__class__`).
  var hasPlainKeys = true
  /// The keys of a list of text; kept where the machine was asked to.
  var elements: [ScanValue] = []
}
