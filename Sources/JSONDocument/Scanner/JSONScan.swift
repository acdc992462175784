// SPDX-License-Identifier: Apache-2.0

/// The parts of a document that json-c would change.
struct JSONScan {
  /// The bytes of the value, without surrounding white space.
  let value: Range<Int>
  /// The number of nested arrays and objects.
  let depth: Int
  /// The integers that json-c may clamp, in the order of the document.
  let largeIntegers: [Range<Int>]
  /// The offsets of surrogate pairs, such as `\uD83D\uDE00`, in order.
  let surrogatePairs: [Int]

  /// The length of an escaped pair, in bytes.
  static let pairLength = 12

  /// The bytes of the value, with surrogate pairs replaced by the UTF-8 of their characters.
  ///
  /// json-c 0.16 decodes a pair, then checks the low 16 bits of the character for a surrogate again:
  /// U+1D800 and all others with `0xD800` to `0xDFFF` there are lost. It copies UTF-8 unchanged.
  ///
  /// - Complexity: O(n).
  func decodingPairs(of scanner: borrowing JSONScanner) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(value.count)
    var position = value.lowerBound
    for pair in surrogatePairs {
      for index in position..<pair { text.append(scanner.bytes[index]) }
      position = pair + Self.pairLength
      text.append(contentsOf: scanner.unescaped(pair..<position))
    }
    for index in position..<value.upperBound { text.append(scanner.bytes[index]) }
    return text
  }
}
