// SPDX-License-Identifier: Apache-2.0

extension RegularExpressionParser {
  /// Parses a set, after its `[`.
  mutating func scalarSet() throws(Failure) -> ScalarSet {
    var set = ScalarSet()
    let isNegated = take("^")
    var isFirst = true
    while isFirst || next != "]" {
      isFirst = false
      let low = try setElement()
      guard next == "-", position + 1 < pattern.count, pattern[position + 1] != "]" else {
        set.ranges += low.ranges
        set.members += low.members
        continue
      }
      position += 1
      let high = try setElement()
      guard let first = low.ranges.first, let last = high.ranges.first,
        first.lowerBound <= last.lowerBound
      else { throw .refused("the ends of a range in a set are in the wrong order") }
      set.ranges.append(first.lowerBound...last.lowerBound)
    }
    position += 1
    set.isNegated = isNegated
    set.simplify()
    return set
  }

  private mutating func setElement() throws(Failure) -> ScalarSet {
    let scalar = try take(in: "a set")
    return scalar == "\\" ? try escape(try take(in: "an escape"), inSet: true) : ScalarSet(scalar)
  }

  /// Parses the rest of an escape, after its backslash and first scalar, to the set that it
  /// matches.
  mutating func escape(_ scalar: Unicode.Scalar, inSet: Bool) throws(Failure) -> ScalarSet {
    func member(_ category: ScalarSet.Category, _ isNegated: Bool) -> ScalarSet {
      ScalarSet(ScalarSet.Member(category: category, isNegated: isNegated))
    }
    switch scalar {
    case "d": return member(.digit, false)
    case "D": return member(.digit, true)
    case "w": return member(.word, false)
    case "W": return member(.word, true)
    case "s": return member(.space, false)
    case "S": return member(.space, true)
    case "a": return ScalarSet("\u{7}")
    case "b" where inSet: return ScalarSet("\u{8}")
    case "f": return ScalarSet("\u{C}")
    case "n": return ScalarSet("\n")
    case "r": return ScalarSet("\r")
    case "t": return ScalarSet("\t")
    case "v": return ScalarSet("\u{B}")
    case "x": return ScalarSet(try hexadecimal(2))
    case "u": return ScalarSet(try hexadecimal(4))
    case "U": return ScalarSet(try hexadecimal(8))
    case "0": return ScalarSet(try octal(scalar, digits: 2))
    case "1"..."7" where inSet: return ScalarSet(try octal(scalar, digits: 2))
    // A character by its name; Python 3.14 has \z.
    case "N" where next == "{", "z" where !inSet: throw .unsupported
    case "a"..."z", "A"..."Z", "0"..."9":
      throw .refused("there is no escape \\\(String(Character(scalar)))")
    default: return ScalarSet(scalar)
    }
  }

  /// Parses the digits of a code in octal, of which the first is taken already.
  private mutating func octal(
    _ first: Unicode.Scalar, digits: Int
  ) throws(Failure) -> Unicode.Scalar {
    var value = first.value - 48
    for _ in 0..<digits {
      guard let scalar = next, ("0"..."7").contains(scalar) else { break }
      position += 1
      value = value << 3 | (scalar.value - 48)
    }
    guard value <= 0o377, let scalar = Unicode.Scalar(value) else {
      throw .refused("a code in octal is too large")
    }
    return scalar
  }

  /// Parses the rest of an escape that starts with a digit other than 0: three octal digits are a code, and
  /// other ones the number of a group.
  mutating func octalOrReference(_ first: Unicode.Scalar) throws(Failure) -> Node {
    let digits = pattern[position...].prefix(2).prefix { ("0"..."7").contains($0) }
    if first <= "7", digits.count == 2 { return .scalars(ScalarSet(try octal(first, digits: 2))) }
    var number = Int(first.value - 48)
    if let second = next, ("0"..."9").contains(second) {
      position += 1
      number = number * 10 + Int(second.value - 48)
    }
    try refer(toGroup: number)
    return .sequence([])
  }

  /// Reads a reference to a group, which is not matched here.
  mutating func refer(toGroup number: Int) throws(Failure) {
    guard number <= groupNames.count else { throw .refused("there is no such group") }
    guard !openGroups.contains(number) else { throw .refused("a group refers to itself") }
    isSupported = false
  }

  private mutating func hexadecimal(_ count: Int) throws(Failure) -> Unicode.Scalar {
    var value: UInt32 = 0
    for _ in 0..<count {
      guard let digit = next, digit.isASCII, let number = Character(digit).hexDigitValue else {
        throw .refused("the code of a character is not complete")
      }
      position += 1
      value = value << 4 | UInt32(number)
    }
    guard value <= 0x10FFFF else { throw .refused("the code of a character is too large") }
    // Python has characters for halves of surrogate pairs.
    guard let scalar = Unicode.Scalar(value) else { throw .unsupported }
    return scalar
  }
}
