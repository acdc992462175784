internal import Tensors

/// Reads the Python dict of a header. Nothing is evaluated, and nothing nests: what stands in
/// brackets is either the shape or skipped.
struct NpyHeaderParser {
  /// What the dict says.
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
  ///   - baseOffset: the place of the text in the file, so that errors can name it.
  ///   - allowsLongSuffix: whether integers may end in `L`, as Python 2 wrote them.
  init(_ text: [UInt8], baseOffset: Int?, allowsLongSuffix: Bool) {
    self.text = text
    self.baseOffset = baseOffset
    self.allowsLongSuffix = allowsLongSuffix
  }

  /// Reads the dict, which is all of the text but white space.
  ///
  /// - Throws: `malformed`.
  mutating func parse() throws(CheckpointError) -> Fields {
    var element: NpyElement?
    var isFortranOrder: Bool?
    var extents: [UInt]?
    // Python takes a line that starts after spaces for the inside of a block.
    while take(" ") || take("\t") {}
    try expect("{", "the header is no dict")
    skipSpace()
    while !take("}") {
      let start = position
      let key = try string()
      skipSpace()
      try expect(":", "a colon is missing")
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
        throw malformed("the header has the key \"\(key.excerpt)\"", at: start)
      }
      guard isFirst else { throw malformed("the header has the key \"\(key)\" twice", at: start) }
      skipSpace()
      if take(",") {
        skipSpace()
      } else if peek() != UInt8(ascii: "}") {
        throw malformed("a comma is missing")
      }
    }
    skipSpace()
    guard position == text.count else { throw malformed("something follows the header's dict") }
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
      throw malformed("\"descr\" is \"\(text.excerpt)\", which is no type of NumPy's", at: start)
    }
    return element
  }

  /// A type of several parts, of which only where it ends is understood, and whether objects are
  /// among them.
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
    return hasObjects ? .objects : .other("structured array")
  }

  private mutating func boolean() throws(CheckpointError) -> Bool {
    if take("True") { return true }
    if take("False") { return false }
    throw malformed("\"fortran_order\" is neither True nor False")
  }

  /// A tuple: `()`, `(3,)`, `(3, 4)`.
  private mutating func shape() throws(CheckpointError) -> [UInt] {
    let start = position
    try expect("(", "\"shape\" is no tuple")
    var extents: [UInt] = []
    skipSpace()
    while !take(")") {
      guard extents.count < NpyHeader.highestRank else {
        throw malformed("\"shape\" has more than \(NpyHeader.highestRank) extents", at: start)
      }
      extents.append(try extent())
      skipSpace()
      if take(",") {
        skipSpace()
      } else {
        // Python takes `(3)` for a number.
        guard peek() == UInt8(ascii: ")"), extents.count > 1 else {
          throw malformed("\"shape\" is no tuple of numbers")
        }
      }
    }
    return extents
  }

  private mutating func extent() throws(CheckpointError) -> UInt {
    let start = position
    guard peek() != UInt8(ascii: "-") else { throw malformed("\"shape\" has a negative extent") }
    var value = 0
    while let byte = peek(), (0x30...0x39).contains(byte) {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int(byte - 0x30))
      guard !overflow, !carry else {
        throw malformed("\"shape\" has an extent of 2^63 or more", at: start)
      }
      value = sum
      position += 1
    }
    let digits = position - start
    guard digits > 0, digits == 1 || text[start] != 0x30 else {
      throw malformed("\"shape\" is no tuple of numbers", at: start)
    }
    if allowsLongSuffix { _ = take("L") }
    return UInt(value)
  }

  /// The text between two quotes of a kind.
  private mutating func string(allowsEscapes: Bool = false) throws(CheckpointError) -> String {
    let start = position
    guard let quote = peek(), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
      throw malformed("a text in quotes is missing")
    }
    position += 1
    while let byte = peek(), byte != quote, byte != 0x0A {
      if byte == UInt8(ascii: "\\") {
        guard allowsEscapes else { throw malformed("a text has a backslash") }
        position += 1
      }
      position += 1
    }
    guard peek() == quote else { throw malformed("a text does not end", at: start) }
    position += 1
    return String(decoding: text[start + 1..<position - 1], as: UTF8.self)
  }
}

extension NpyHeaderParser {
  private func peek() -> UInt8? {
    position < text.count ? text[position] : nil
  }

  /// Space, tab, line feed, form feed, carriage return. To Python a vertical tab is none.
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
