// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension JSONScanner {
  /// A key in the document, without its quotes.
  struct Key {
    let range: Range<Int>
    let hasEscapes: Bool
    /// A seeded hash of the unescaped key, so that a file cannot contain prepared collisions.
    let hash: Int
  }

  /// Describes a string, with its hash when it is a key.
  func key(_ range: Range<Int>, hasEscapes: Bool, isHashed: Bool) -> Key {
    guard isHashed else { return Key(range: range, hasEscapes: hasEscapes, hash: 0) }
    var hasher = Hasher()
    if hasEscapes {
      unescaped(range).span.hash(into: &hasher)
    } else {
      bytes.extracting(range).hash(into: &hasher)
    }
    return Key(range: range, hasEscapes: hasEscapes, hash: hasher.finalize())
  }

  /// Removes the keys of an object at its end, and checks that they are unique.
  ///
  /// - Throws: `malformed` at the first duplicate key.
  mutating func checkKeys(from firstKey: Int) throws(CheckpointError) {
    defer { keys.removeSubrange(firstKey...) }
    guard keys.count - firstKey > 1 else { return }
    keys[firstKey...].sort { left, right in
      left.hash == right.hash
        ? left.range.lowerBound < right.range.lowerBound : left.hash < right.hash
    }
    var duplicate: Key?
    var start = firstKey
    while start < keys.count {
      var end = start + 1
      while end < keys.count, keys[end].hash == keys[start].hash { end += 1 }
      if let found = firstDuplicate(in: start..<end),
        found.range.lowerBound < duplicate?.range.lowerBound ?? .max
      {
        duplicate = found
      }
      start = end
    }
    if let duplicate {
      let name = String(decoding: unescaped(duplicate.range), as: UTF8.self)
      throw failure(
        "duplicate key \"\(name)\" in an object", at: duplicate.range.lowerBound - 1)
    }
  }

  /// The first duplicate among keys with the same hash.
  private func firstDuplicate(in range: Range<Int>) -> Key? {
    for later in range.dropFirst() {
      let key = unescaped(keys[later].range)
      for earlier in range.lowerBound..<later where unescaped(keys[earlier].range) == key {
        return keys[later]
      }
    }
    return nil
  }

  /// The unescaped bytes of a checked string.
  func unescaped(_ range: Range<Int>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(range.count)
    var index = range.lowerBound
    while index < range.upperBound {
      guard bytes[index] == UInt8(ascii: "\\") else {
        result.append(bytes[index])
        index += 1
        continue
      }
      let letter = bytes[index + 1]
      index += 2
      switch letter {
      case UInt8(ascii: "b"): result.append(0x08)
      case UInt8(ascii: "f"): result.append(0x0C)
      case UInt8(ascii: "n"): result.append(0x0A)
      case UInt8(ascii: "r"): result.append(0x0D)
      case UInt8(ascii: "t"): result.append(0x09)
      case UInt8(ascii: "u"):
        var scalar = codeUnit(at: index)
        index += 4
        if scalar & 0xFC00 == 0xD800 {
          scalar = 0x10000 + (scalar & 0x3FF) << 10 + codeUnit(at: index + 2) & 0x3FF
          index += 6
        }
        result.append(contentsOf: UTF8.encode(Unicode.Scalar(scalar) ?? "\u{FFFD}") ?? .init())
      default: result.append(letter)
      }
    }
    return result
  }

  /// The value of four checked hexadecimal digits.
  private func codeUnit(at index: Int) -> UInt32 {
    var unit: UInt32 = 0
    for digit in index..<index + 4 {
      unit = unit << 4 | UInt32(Self.hexadecimalValue(bytes[digit]) ?? 0)
    }
    return unit
  }
}
