// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// Parses the Python dict of a header. Nothing is evaluated, and nothing nests: the contents of
/// brackets are the shape, or are skipped.
struct NpyHeaderParser {
  /// The contents of the dict.
  struct Fields {
    var element: NpyElement
    var isFortranOrder: Bool
    var extents: [UInt]
  }

  private let text: [UInt8]
  private let baseOffset: Int?
  private let allowsLongSuffix: Bool
  private var position = 0

  /// Starts at the first byte.
  ///
  /// - Parameters:
  ///   - baseOffset: the offset of the text in the file, for errors.
  ///   - allowsLongSuffix: whether integers may end in `L`, as Python 2 wrote them.
  init(_ text: [UInt8], baseOffset: Int?, allowsLongSuffix: Bool) {
    self.text = text
    self.baseOffset = baseOffset
    self.allowsLongSuffix = allowsLongSuffix
  }

  /// Parses the dict; around it only white space is allowed.
  ///
  /// - Throws: `malformed`.
  mutating func parse() throws(CheckpointError) -> Fields {
    var element: NpyElement?
    var isFortranOrder: Bool?
    var extents: [UInt]?
    // Python treats an indented line as the inside of a block.
    while take(" ") || take("\t") {}
    try expect("{", "the header is not a dict")
    skipSpace()
    while !take("}") {
      let start = position
      let key = try string()
      skipSpace()
      try expect(":", "expected a colon")
      skipSpace()
      let isFirst: Bool
      switch key {
      case "descr":
        isFirst = element == nil
        element = try self.element()
      case "fortran_order":
        isFirst = isFortranOrder == nil
        isFortranOrder = try boolean()
      case "shape":
        isFirst = extents == nil
        extents = try shape()
      default:
        throw malformed("unknown key \"\(key.excerpt)\" in the header", at: start)
      }
      guard isFirst else { throw malformed("duplicate key \"\(key)\" in the header", at: start) }
      skipSpace()
      if take(",") {
        skipSpace()
      } else if peek() != UInt8(ascii: "}") {
        throw malformed("expected a comma")
      }
    }
    skipSpace()
    guard position == text.count else {
      throw malformed("unexpected text follows the header's dict")
    }
    guard let element else { throw malformed("the header has no \"descr\"") }
    guard let isFortranOrder else { throw malformed("the header has no \"fortran_order\"") }
    guard let extents else { throw malformed("the header has no \"shape\"") }
    return Fields(element: element, isFortranOrder: isFortranOrder, extents: extents)
  }
}

extension NpyHeaderParser {
  private mutating func element() throws(CheckpointError) -> NpyElement {
    let start = position
    if peek() == UInt8(ascii: "[") || peek() == UInt8(ascii: "(") {
      return try composite()
    }
    let text = try string()
    guard let element = NpyElement(text) else {
      throw malformed("\"descr\" is \"\(text.excerpt)\", which is not a NumPy type", at: start)
    }
    return element
  }

  /// Skips a structured type, and reports whether it contains objects, and its size.
  private mutating func composite() throws(CheckpointError) -> NpyElement {
    let start = position
    var closers: [UInt8] = []
    var hasObjects = false
    repeat {
      switch peek() {
      case UInt8(ascii: "["): closers.append(UInt8(ascii: "]"))
      case UInt8(ascii: "("): closers.append(UInt8(ascii: ")"))
      case UInt8(ascii: "'"), UInt8(ascii: "\""):
        if NpyElement(try string(allowsEscapes: true)) == .objects { hasObjects = true }
        continue
      case let byte? where byte == closers.last: closers.removeLast()
      case UInt8(ascii: "]"), UInt8(ascii: ")"), UInt8(ascii: "{"), UInt8(ascii: "}"):
        throw malformed("the brackets of \"descr\" do not match")
      case nil: throw malformed("\"descr\" does not end", at: start)
      default: break
      }
      position += 1
    } while !closers.isEmpty
    if hasObjects { return .objects }
    return .other(
      "structured array", byteCount: StructuredType.byteCount(of: text[start..<position]))
  }

  private mutating func boolean() throws(CheckpointError) -> Bool {
    if take("True") { return true }
    if take("False") { return false }
    throw malformed("\"fortran_order\" is neither True nor False")
  }

  /// A tuple: `()`, `(3,)`, `(3, 4)`.
  private mutating func shape() throws(CheckpointError) -> [UInt] {
    let start = position
    try expect("(", "\"shape\" is not a tuple")
    var extents: [UInt] = []
    skipSpace()
    while !take(")") {
      guard extents.count < NpyHeader.highestRank else {
        throw malformed("\"shape\" has more than \(NpyHeader.highestRank) dimensions", at: start)
      }
      extents.append(try extent())
      skipSpace()
      if take(",") {
        skipSpace()
      } else {
        // For Python `(3)` is a number.
        guard peek() == UInt8(ascii: ")"), extents.count > 1 else {
          throw malformed("\"shape\" is not a tuple of numbers")
        }
      }
    }
    return extents
  }

  private mutating func extent() throws(CheckpointError) -> UInt {
    let start = position
    guard peek() != UInt8(ascii: "-") else { throw malformed("\"shape\" has a negative dimension") }
    var value = 0
    while let byte = peek(), (0x30...0x39).contains(byte) {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int(byte - 0x30))
      guard !overflow, !carry else {
        throw malformed("\"shape\" has a dimension of 2^63 or more", at: start)
      }
      value = sum
      position += 1
    }
    let digits = position - start
    guard digits > 0, digits == 1 || text[start] != 0x30 else {
      throw malformed("\"shape\" is not a tuple of numbers", at: start)
    }
    if allowsLongSuffix { _ = take("L") }
    return UInt(value)
  }

  /// Parses the text between two quotes of the same kind.
  private mutating func string(allowsEscapes: Bool = false) throws(CheckpointError) -> String {
    let start = position
    guard let quote = peek(), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
      throw malformed("expected a quoted string")
    }
    position += 1
    while let byte = peek(), byte != quote, byte != 0x0A {
      if byte == UInt8(ascii: "\\") {
        guard allowsEscapes else { throw malformed("a string contains a backslash") }
        position += 1
      }
      position += 1
    }
    guard peek() == quote else { throw malformed("a string does not end", at: start) }
    position += 1
    return String(decoding: text[start + 1..<position - 1], as: UTF8.self)
  }
}

extension NpyHeaderParser {
  private func peek() -> UInt8? {
    position < text.count ? text[position] : nil
  }

  /// Space, tab, line feed, form feed, carriage return. For Python a vertical tab is not white
  /// space.
  private mutating func skipSpace() {
    while let byte = peek(), [0x20, 0x09, 0x0A, 0x0C, 0x0D].contains(byte) { position += 1 }
  }

  private mutating func take(_ token: StaticString) -> Bool {
    let count = token.utf8CodeUnitCount
    guard count <= text.count - position else { return false }
    let matches = token.description.utf8.elementsEqual(text[position..<position + count])
    if matches { position += count }
    return matches
  }

  private mutating func expect(
    _ token: StaticString, _ complaint: String
  ) throws(CheckpointError) {
    guard take(token) else { throw malformed(complaint) }
  }

  private func malformed(_ message: String, at place: Int? = nil) -> CheckpointError {
    .malformed(message, at: baseOffset.map { $0 + (place ?? position) })
  }
}
