// SPDX-License-Identifier: Apache-2.0

/// The type of a value in a pickle, in the distinctions that the rules of calls make.
@usableFromInline
package enum PickleType: UInt8, BitwiseCopyable, Hashable, Sendable {
  case none, boolean, integer, float, text, bytes
  case tuple, list
  /// A `dict` or `defaultdict`.
  case dictionary
  case orderedDictionary
  case storage, tensor
  /// A `torch.Size`.
  case size
  /// A `torch.layout`.
  case layout
  /// A class, function or constant that the pickle names.
  case global
  /// An object: an instance of a class, or what a call of a name outside the table would give.
  case object
  /// A NumPy array, and its dtype.
  case array, arrayDType
  /// Other data that can be the key of a dict.
  case data
  /// Other data that cannot, such as a set.
  case mutableData
  /// A value about which an error was found before.
  case unknown

  /// Whether Python accepts such a value as the key of a dict.
  package var isHashable: Bool {
    switch self {
    case .list, .dictionary, .orderedDictionary, .mutableData: false
    default: true
    }
  }
}

/// The properties of a pickle's values that the rules of calls depend on.
///
/// The reader has them from the graph that it builds, the scan from its abstract stack.
@usableFromInline
package protocol PickleInspector: ~Escapable {
  associatedtype Value

  /// The type of a value.
  func type(of value: Value) -> PickleType
  /// The allowed name; nil for a value of another type than `global`.
  func global(of value: Value) -> AllowedGlobal?
  /// The number of elements of a tuple.
  func elementCount(of tuple: Value) -> Int
  /// An element of a tuple.
  func element(_ index: Int, of tuple: Value) -> Value
  /// The tuple of a `torch.Size`.
  func tuple(ofSize size: Value) -> Value
  /// Whether a value contains no class or function, so that it is allowed everywhere.
  func isPlain(_ value: Value) -> Bool
  /// Whether a dict has no entries.
  func isEmpty(dictionary: Value) -> Bool
  /// Whether all keys of a dict are text that does not start with `__`.
  func hasPlainKeys(dictionary: Value) -> Bool
  /// Whether all items of a list are tuples or lists of two.
  func arePairs(list: Value) -> Bool
  /// The code of a NumPy dtype, and its state if it has one; nil for another value.
  func dtype(_ value: Value) -> (code: Value, state: Value?)?
  /// The values of a dict of the fields of a dtype; nil for another value, and for more than are followed.
  func fields(_ dictionary: Value) -> [Value]?
  /// Whether a value is a name outside the table, or an object of one. A reader that takes such
  /// values as they are allows them where they do not matter to the bytes of tensors.
  func isInert(_ value: Value) -> Bool
  /// Whether the pickle has asked for code before, and is read all the same.
  var asksForCode: Bool { get }
  /// An integer of up to 60 bits, or nil.
  func integer(_ value: Value) -> Int?
  /// A text without lone surrogates, or nil.
  func string(_ value: Value) -> String?
}

extension PickleInspector where Self: ~Escapable {
  @usableFromInline
  package func isInert(_ value: Value) -> Bool { false }
  @usableFromInline
  package var asksForCode: Bool { false }

  /// The largest number of dimensions that is read; a tensor has far fewer.
  @usableFromInline
  static var largestShape: Int { 1000 }

  /// Whether all elements of a tuple are integers.
  @inlinable
  package func areIntegers(_ value: Value) -> Bool {
    let count = elementCount(of: value)
    guard count <= Self.largestShape else { return false }
    for index in 0..<count where type(of: element(index, of: value)) != .integer { return false }
    return true
  }

  /// The numbers of a tuple or `torch.Size`; nil when one has more than 60 bits or is not a number.
  @inlinable
  package func integers(_ value: Value) -> [Int]? {
    let tuple = type(of: value) == .size ? tuple(ofSize: value) : value
    guard type(of: tuple) == .tuple else { return nil }
    let count = elementCount(of: tuple)
    guard count <= Self.largestShape else { return nil }
    var integers: [Int] = []
    integers.reserveCapacity(count)
    for index in 0..<count {
      guard let integer = integer(element(index, of: tuple)) else { return nil }
      integers.append(integer)
    }
    return integers
  }

  /// The elements of a tuple; nil for another value.
  @inlinable
  package func elements(_ value: Value) -> [Value]? {
    guard type(of: value) == .tuple else { return nil }
    let count = elementCount(of: value)
    var elements: [Value] = []
    elements.reserveCapacity(count)
    for index in 0..<count { elements.append(element(index, of: value)) }
    return elements
  }
}
