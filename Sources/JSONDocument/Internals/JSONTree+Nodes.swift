// SPDX-License-Identifier: Apache-2.0
internal import CJSONC
internal import Tensors

/// An array or object of json-c that is being copied. It must not outlive its tree.
@safe
struct JSONTreeContainer {
  private let node: OpaquePointer
  private let isObject: Bool
  private let count: Int
  private var index = 0
  // SAFETY: json-c's iterator is all zero before it is set to an object.
  private var iterator = unsafe json_object_iterator()
  private var key = ""
  private var elements: [JSONValue] = []
  private var members: [JSONObject.Member] = []
  /// The current child, nil for `null`.
  private(set) var child: OpaquePointer?

  /// Starts copying a container; nil when the node is a scalar.
  ///
  /// The node must belong to a tree that outlives the container.
  @unsafe
  init?(_ node: OpaquePointer?) {
    guard let node = unsafe node else { return nil }
    // SAFETY: the node is alive, as the caller promises; its type is checked before it is used.
    switch unsafe json_object_get_type(node) {
    case json_type_array:
      isObject = false
      count = unsafe json_object_array_length(node)
      elements.reserveCapacity(count)
    case json_type_object:
      isObject = true
      count = unsafe Int(json_object_object_length(node))
      members.reserveCapacity(count)
      // SAFETY: the iterator stays on this object, which does not change.
      unsafe iterator = unsafe json_object_iter_begin(node)
    default:
      return nil
    }
    unsafe self.node = unsafe node
  }

  /// Moves to the next child.
  ///
  /// - Returns: false when there is none.
  mutating func advance() -> Bool {
    guard index < count else { return false }
    if isObject {
      // SAFETY: fewer than `count` members were passed, so the iterator is on one. Its key is a C
      // string, since the scanner refuses NUL in keys.
      key = unsafe String(cString: json_object_iter_peek_name(&iterator))
      unsafe child = unsafe json_object_iter_peek_value(&iterator)
      unsafe json_object_iter_next(&iterator)
    } else {
      // SAFETY: the index is below the array's length.
      unsafe child = unsafe json_object_array_get_idx(node, index)
    }
    index += 1
    return true
  }

  /// Appends the copy of the child.
  mutating func append(_ value: JSONValue) {
    if isObject {
      members.append(JSONObject.Member(key: key, value: value))
    } else {
      elements.append(value)
    }
  }

  /// The finished copy. The scanner has checked that the keys are unique.
  var value: JSONValue {
    isObject ? .object(JSONObject(distinct: members)) : .array(elements)
  }
}

/// The integers of a document that json-c may have clamped, in order.
struct LargeIntegers: ~Escapable {
  private let ranges: [Range<Int>]
  private let bytes: Span<UInt8>
  private var index = 0

  @_lifetime(copy bytes)
  init(ranges: [Range<Int>], bytes: Span<UInt8>) {
    self.ranges = ranges
    self.bytes = bytes
  }

  /// Whether no integer is left.
  var isAtEnd: Bool { index == ranges.count }

  /// Returns the next integer.
  mutating func next() throws(CheckpointError) -> JSONInteger {
    guard index < ranges.count else { throw .disagreement }
    let text = bytes.extracting(ranges[index])
    var digits: [UInt8] = []
    digits.reserveCapacity(text.count)
    for place in text.indices { digits.append(text[place]) }
    guard let integer = JSONInteger(digits: String(decoding: digits, as: UTF8.self)) else {
      throw .disagreement
    }
    index += 1
    return integer
  }
}

extension JSONValue {
  /// Copies a scalar.
  ///
  /// The node must be alive.
  @unsafe
  init(scalar node: OpaquePointer?, _ integers: inout LargeIntegers) throws(CheckpointError) {
    // SAFETY: the node is alive, as the caller promises; each accessor is called on its own type.
    switch unsafe json_object_get_type(node) {
    case json_type_null:
      self = .null
    case json_type_boolean:
      self = unsafe .bool(json_object_get_boolean(node) != 0)
    case json_type_double:
      self = unsafe .float(json_object_get_double(node))
    case json_type_int:
      // An integer with more digits than the scanner calls safe stays that large when json-c clamps it.
      let value = unsafe json_object_get_int64(node)
      let isLarge = value.magnitude >= 1_000_000_000_000_000_000
      self = .integer(isLarge ? try integers.next() : JSONInteger(value))
    case json_type_string:
      // SAFETY: json-c's string has this length and lives as long as the node.
      let count = unsafe Int(json_object_get_string_len(node))
      let bytes = unsafe UnsafeRawBufferPointer(start: json_object_get_string(node), count: count)
      self = unsafe .string(String(decoding: bytes, as: UTF8.self))
    default:
      throw .disagreement
    }
  }
}

extension CheckpointError {
  /// json-c read another document than the scanner.
  static var disagreement: Self {
    .malformed("json-c reads the document differently from the scanner")
  }
}
