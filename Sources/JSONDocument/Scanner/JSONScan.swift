/// What the scan has seen that json-c would change.
struct JSONScan {
  /// Where the value stands, without the white space around it.
  let value: Range<Int>
  /// The integers that json-c may clamp, in the order of the document.
  let largeIntegers: [Range<Int>]
  /// Where pairs of surrogates stand, `\uD83D\uDE00`, in order.
  let surrogatePairs: [Int]

  /// The length of an escaped pair.
  static let pairLength = 12

  /// The value with its surrogate pairs written as the characters they stand for.
  ///
  /// json-c 0.16 decodes a pair and then looks at the low 16 bits of the character, once more as for
  /// a surrogate: U+1D800 and every other with `0xD800` to `0xDFFF` there is lost. UTF-8 it copies.
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
