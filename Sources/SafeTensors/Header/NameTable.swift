// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// A hash table that finds tensors by name, without copies of the names.
///
/// Linear probing over a power of two at least twice the number of names. Every process has its own
/// hash key, so that a file cannot be crafted whose names collide.
struct NameTable: Sendable {
  /// Each slot has the number of an entry in the low 24 bits and the highest byte of its name's
  /// hash above them, so that a name is only compared when it is likely the right one. Small slots
  /// keep a large table, which is accessed at random, in the cache.
  private let slots: [UInt32]

  /// The random key of this process.
  private static let key = UInt64.random(in: .min ... .max) | 1
  private static let vacant = UInt32.max
  /// The low bits. A header has fewer tensors: each takes 19 bytes or more of at most 100,000,000.
  private static let number: UInt32 = 0xFF_FFFF

  /// Creates the table of all tensors' names.
  ///
  /// - Throws: `malformed` when two tensors have the same name.
  /// - Complexity: O(bytes of all names).
  init(_ tables: HeaderTables) throws(CheckpointError) {
    let count = tables.entries.count
    var capacity = 8
    while capacity < 2 * count { capacity *= 2 }
    var slots = [UInt32](repeating: Self.vacant, count: capacity)
    let text = tables.text.span
    let entries = tables.entries.span
    let key = Self.key
    var places = slots.mutableSpan
    for number in entries.indices {
      let name = text.extracting(entries[number].nameRange)
      let hash = Self.hash(name, key: key)
      let place = Self.place(of: name, hash: hash, in: places.span, text: text, entries: entries)
      guard places[place] == Self.vacant else {
        throw CheckpointError(
          .malformed, "duplicate tensor name",
          tensor: tables.name(of: tables.entries[number]),
          hint: "such a file is ambiguous: readers differ in which of the two they load")
      }
      places[place] = Self.tag(hash) | UInt32(number)
    }
    self.slots = slots
  }

  /// The index of the entry with this name; nil when there is none.
  func entry(named name: TensorName, in tables: HeaderTables) -> Int? {
    let bytes = Array(name.string.utf8)
    let place = Self.place(
      of: bytes.span, hash: Self.hash(bytes.span, key: Self.key), in: slots.span,
      text: tables.text.span, entries: tables.entries.span)
    let found = slots[place]
    return found == Self.vacant ? nil : Int(found & Self.number)
  }

  /// The slot of this name, or the vacant one for it.
  @inline(__always)
  private static func place(
    of name: Span<UInt8>, hash: UInt64, in slots: Span<UInt32>, text: Span<UInt8>,
    entries: Span<HeaderTables.Entry>
  ) -> Int {
    let mask = slots.count - 1
    let tag = tag(hash)
    var place = Int(truncatingIfNeeded: hash) & mask
    while slots[place] != vacant {
      if slots[place] & ~number == tag {
        let other = entries[Int(slots[place] & number)].nameRange
        if text.extracting(other).elementsEqual(name) { return place }
      }
      place = (place + 1) & mask
    }
    return place
  }

  @inline(__always)
  private static func tag(_ hash: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: hash >> 32) & ~number
  }

  /// The keyed hash of a name: a 128-bit multiplication for every sixteen bytes.
  @inline(__always)
  private static func hash(_ bytes: Span<UInt8>, key: UInt64) -> UInt64 {
    var state = key ^ UInt64(bytes.count)
    var index = 0
    while index < bytes.count - 16 {
      state = fold(state ^ bytes.word(at: index), bytes.word(at: index + 8), key)
      index += 16
    }
    // The last sixteen bytes, which may overlap the previous ones.
    if bytes.count >= 16 {
      state = fold(
        state ^ bytes.word(at: bytes.count - 16), bytes.word(at: bytes.count - 8), key)
    } else if bytes.count >= 8 {
      state = fold(state ^ bytes.word(at: 0), bytes.word(at: bytes.count - 8), key)
    } else {
      var word: UInt64 = 0
      for index in bytes.indices { word = word << 8 | UInt64(bytes[index]) }
      state = fold(state ^ word, 0, key)
    }
    return state ^ state >> 32
  }

  @inline(__always)
  private static func fold(_ left: UInt64, _ right: UInt64, _ key: UInt64) -> UInt64 {
    let other = key &* 0xD1B5_4A32_D192_ED03 ^ 0x9E37_79B9_7F4A_7C15
    let (high, low) = left.multipliedFullWidth(by: right ^ other)
    return (high ^ low) &+ key
  }
}
