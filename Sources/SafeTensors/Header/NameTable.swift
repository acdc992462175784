internal import Tensors

/// Finds tensors by name: a hash table of entry numbers over the names where they stand.
///
/// Linear probing over a power of two at least twice the number of names. The hash is keyed anew in
/// every process, so that no file can be made whose names collide.
struct NameTable: Sendable {
  private var slots: [UInt32]
  private let mask: Int

  /// One random key a process.
  private static let key = UInt64.random(in: .min ... .max) | 1
  private static let vacant = UInt32.max

  /// Enters the names of all tensors.
  ///
  /// - Throws: `malformed` when two tensors have the same name.
  /// - Complexity: O(bytes of all names).
  init(_ tables: HeaderTables) throws(CheckpointError) {
    let count = tables.entries.count
    var capacity = 8
    while capacity < 2 * count { capacity *= 2 }
    slots = [UInt32](repeating: Self.vacant, count: capacity)
    mask = capacity - 1
    let text = tables.text.span
    for number in 0..<count {
      let range = tables.entries[number].nameRange
      let name = text.extracting(range)
      let slot = slot(of: name, in: tables)
      guard slots[slot] == Self.vacant else {
        let tensor = tables.name(of: tables.entries[number])
        throw CheckpointError(
          .malformed, "the name of a tensor comes twice", tensor: tensor,
          hint: "such a file is ambiguous: readers differ in which of the two they load")
      }
      slots[slot] = UInt32(number)
    }
  }

  /// The number of the entry with this name.
  func entry(named name: TensorName, in tables: HeaderTables) -> Int? {
    let bytes = Array(name.string.utf8)
    let found = slots[slot(of: bytes.span, in: tables)]
    return found == Self.vacant ? nil : Int(found)
  }

  /// The slot that holds this name, or the vacant one where it would go.
  private func slot(of name: Span<UInt8>, in tables: HeaderTables) -> Int {
    let text = tables.text.span
    var slot = Int(truncatingIfNeeded: Self.hash(name)) & mask
    while slots[slot] != Self.vacant {
      let other = text.extracting(tables.entries[Int(slots[slot])].nameRange)
      if other.elementsEqual(name) { return slot }
      slot = (slot + 1) & mask
    }
    return slot
  }

  /// Folds eight bytes at a time by a 128-bit multiplication.
  private static func hash(_ bytes: Span<UInt8>) -> UInt64 {
    var state = key ^ UInt64(bytes.count)
    var index = 0
    while index < bytes.count {
      var word: UInt64 = 0
      let end = min(index + 8, bytes.count)
      while index < end {
        word = word << 8 | UInt64(bytes[index])
        index += 1
      }
      let (high, low) = (state ^ word).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15 ^ key)
      state = high ^ low &+ key
    }
    return state ^ state >> 32
  }
}
