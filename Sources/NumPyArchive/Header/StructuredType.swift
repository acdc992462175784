// SPDX-License-Identifier: Apache-2.0

/// The size of a structured type whose brackets match: a list of fields, or a type with a shape.
struct StructuredType {
  private let text: ArraySlice<UInt8>
  private var position: Int

  /// The deepest nesting that NumPy's own files are expected to have.
  private static let depthLimit = 16
  /// The largest element in NumPy, in bytes.
  private static let sizeLimit = Int(Int32.max)

  private init(_ text: ArraySlice<UInt8>) {
    self.text = text
    position = text.startIndex
  }

  /// The size of an element in bytes; nil when a part is not a type of plain values, or when it is not
  /// written as NumPy writes it.
  static func byteCount(of text: ArraySlice<UInt8>) -> Int? {
    var parser = Self(text)
    guard let size = parser.type(depth: 0), parser.position == text.endIndex else { return nil }
    return size
  }

  /// A type: a text, a list of fields, or a tuple of a type and a shape.
  private mutating func type(depth: Int) -> Int? {
    guard depth < Self.depthLimit, let first = peek() else { return nil }
    switch first {
    case UInt8(ascii: "["):
      return list(depth: depth)
    case UInt8(ascii: "("):
      position += 1
      guard let size = type(depth: depth + 1), take(","), let count = shape(), take(")") else {
        return nil
      }
      return Self.product(size, count)
    default:
      return string().flatMap { NpyElement($0)?.byteCount }
    }
  }

  private mutating func list(depth: Int) -> Int? {
    guard take("[") else { return nil }
    var sum = 0
    while !take("]") {
      guard let size = field(depth: depth + 1), size <= Self.sizeLimit - sum else { return nil }
      sum += size
      if !take(",") && peek() != UInt8(ascii: "]") { return nil }
    }
    return sum
  }

  /// A field: its name, which may have a title, its type, and a shape for an array.
  private mutating func field(depth: Int) -> Int? {
    guard take("(") else { return nil }
    if take("(") {
      guard string() != nil, take(","), string() != nil, take(")") else { return nil }
    } else {
      guard string() != nil else { return nil }
    }
    guard take(","), let size = type(depth: depth) else { return nil }
    guard take(",") else { return take(")") ? size : nil }
    if take(")") { return size }
    guard let count = shape(), take(")") else { return nil }
    return Self.product(size, count)
  }

  /// The number of elements of a shape: a number, or a tuple of numbers.
  private mutating func shape() -> Int? {
    guard take("(") else { return number() }
    var count = 1
    while !take(")") {
      guard let extent = number(), let product = Self.product(count, extent) else { return nil }
      count = product
      if !take(",") && peek() != UInt8(ascii: ")") { return nil }
    }
    return count
  }

  private mutating func number() -> Int? {
    var value = 0
    var count = 0
    while let byte = peek(skipsSpace: count == 0), (0x30...0x39).contains(byte), count < 10 {
      value = value * 10 + Int(byte - 0x30)
      position += 1
      count += 1
    }
    guard count > 0 else { return nil }
    // Python 2 wrote long integers so.
    _ = take("L")
    return value <= Self.sizeLimit ? value : nil
  }

  /// The text between two quotes; nil when there is none.
  private mutating func string() -> String? {
    guard let quote = peek(), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
      return nil
    }
    let start = position + 1
    position = start
    while position < text.endIndex, text[position] != quote {
      position += text[position] == UInt8(ascii: "\\") ? 2 : 1
    }
    guard position < text.endIndex else { return nil }
    position += 1
    return String(decoding: text[start..<position - 1], as: UTF8.self)
  }

  private static func product(_ left: Int, _ right: Int) -> Int? {
    let (product, overflow) = left.multipliedReportingOverflow(by: right)
    return overflow || product > sizeLimit ? nil : product
  }

  /// The next byte, after white space.
  private mutating func peek(skipsSpace: Bool = true) -> UInt8? {
    while skipsSpace, position < text.endIndex, [0x20, 0x09, 0x0A, 0x0D].contains(text[position]) {
      position += 1
    }
    return position < text.endIndex ? text[position] : nil
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek() == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }
}
