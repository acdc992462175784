// SPDX-License-Identifier: Apache-2.0

/// The rules of the safetensors format (spec/safetensors.md, R1 to R22), followed one after another
/// without a thought of speed and without the package's own code.
struct SafeTensorsModel {
  private struct Refusal: Error { let reason: String }

  private indirect enum Value {
    case object([(key: [UInt8], value: Value)])
    case array([Value])
    case string([UInt8])
    case number(String)
    case other
    case null

    var object: [(key: [UInt8], value: Value)]? {
      if case .object(let own) = self { own } else { nil }
    }
    var array: [Value]? { if case .array(let own) = self { own } else { nil } }
    var string: [UInt8]? { if case .string(let own) = self { own } else { nil } }
    var isNull: Bool { if case .null = self { true } else { false } }
    /// A size (R17).
    var size: UInt64? {
      guard case .number(let text) = self, text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else {
        return nil
      }
      return UInt64(text)
    }
  }

  private static let bits: [String: UInt64] = [
    "U64": 64, "I64": 64, "F64": 64, "C64": 64, "F32": 32, "U32": 32, "I32": 32, "BF16": 16,
    "F16": 16, "U16": 16, "I16": 16, "F8_E5M2FNUZ": 8, "F8_E4M3FNUZ": 8, "F8_E8M0": 8,
    "F8_E4M3": 8, "F8_E5M2": 8, "I8": 8, "U8": 8, "F6_E3M2": 6, "F6_E2M3": 6, "F4": 4, "BOOL": 8,
  ]

  /// The rule that a file breaks; nil for a valid one.
  static func refusal(of file: [UInt8]) -> String? {
    do {
      try check(file)
      return nil
    } catch {
      return (error as? Refusal)?.reason
    }
  }

  private static func check(_ file: [UInt8]) throws {
    try hold(file.count >= 8, "R1")
    let length = file[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    try hold(length <= 100_000_000, "R3")
    try hold(length <= UInt64(file.count - 8), "R4")
    let header = Array(file[8..<8 + Int(length)])
    try hold(String(validating: header, as: UTF8.self) != nil, "R5")
    try hold(!header.starts(with: [0xEF, 0xBB, 0xBF]), "R5")
    var parser = Self(text: header)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    try hold(parser.position == header.count, "R7")
    guard let entries = value.object else { throw Refusal(reason: "R13") }
    try hold(Set(entries.map(\.key)).count == entries.count, "R14")
    var tensors: [(begin: UInt64, end: UInt64)] = []
    for (key, value) in entries {
      if key == Array("__metadata__".utf8) {
        try checkMetadata(value)
      } else {
        tensors.append(try tensor(value))
      }
    }
    var end: UInt64 = 0
    for tensor in tensors.sorted(by: { ($0.begin, $0.end) < ($1.begin, $1.end) }) {
      try hold(tensor.begin == end && tensor.end >= tensor.begin, "R18")
      end = tensor.end
    }
    try hold(end == UInt64(file.count) - 8 - length, "R22")
  }

  private static func checkMetadata(_ value: Value) throws {
    guard !value.isNull else { return }
    guard let entries = value.object else { throw Refusal(reason: "R15") }
    try hold(entries.allSatisfy { $0.value.string != nil }, "R15")
    try hold(Set(entries.map(\.key)).count == entries.count, "R14")
  }

  private static func tensor(_ value: Value) throws -> (begin: UInt64, end: UInt64) {
    let fields: [Value]
    if let entries = value.object {
      fields = try ["dtype", "shape", "data_offsets"].map { name in
        let own = entries.filter { $0.key == Array(name.utf8) }
        try hold(own.count == 1, "R16")
        return own[0].value
      }
    } else {
      fields = value.array ?? []
      try hold(fields.count == 3, "R16")
    }
    var name = fields[0].string
    if let entries = fields[0].object, entries.count == 1, entries[0].value.isNull {
      name = entries[0].key
    }
    guard let name, let bits = bits[String(decoding: name, as: UTF8.self)] else {
      throw Refusal(reason: "R17")
    }
    guard let shape = fields[1].array, let offsets = fields[2].array else {
      throw Refusal(reason: "R17")
    }
    let sizes = try (shape + offsets).map { value in
      guard let size = value.size else { throw Refusal(reason: "R17") }
      return size
    }
    try hold(offsets.count == 2, "R17")
    var count: UInt64 = 1
    for size in sizes.dropLast(2) {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      try hold(!overflow, "R19")
      count = product
    }
    let (total, overflow) = count.multipliedReportingOverflow(by: bits)
    try hold(!overflow && total % 8 == 0, "R20")
    let (begin, end) = (sizes[sizes.count - 2], sizes[sizes.count - 1])
    try hold(begin <= end, "R18")
    try hold(total / 8 == end - begin, "R21")
    return (begin, end)
  }

  private static func hold(_ condition: Bool, _ rule: String) throws {
    if !condition { throw Refusal(reason: rule) }
  }

  // MARK: JSON (R7 to R12)

  private let text: [UInt8]
  private var position = 0

  private init(text: [UInt8]) { self.text = text }

  private var next: UInt8? { position < text.count ? text[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, [0x20, 0x0A, 0x0D, 0x09].contains(byte) { position += 1 }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws -> Value {
    skipSpace()
    switch next {
    case UInt8(ascii: "{"):
      return .object(
        try list(depth: depth, UInt8(ascii: "}")) { parser in
          parser.skipSpace()
          let key = try parser.string()
          parser.skipSpace()
          try Self.hold(parser.take(UInt8(ascii: ":")), "R8")
          return (key, try parser.value(depth: depth + 1))
        })
    case UInt8(ascii: "["):
      return .array(try list(depth: depth, UInt8(ascii: "]")) { try $0.value(depth: depth + 1) })
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .other)
    case UInt8(ascii: "f"): return try word("false", .other)
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return .number(try number())
    }
  }

  private mutating func list<Item>(
    depth: Int, _ end: UInt8, _ item: (inout Self) throws -> Item
  ) throws -> [Item] {
    try Self.hold(depth < 127, "R9")
    position += 1
    var items: [Item] = []
    skipSpace()
    if take(end) { return items }
    while true {
      items.append(try item(&self))
      skipSpace()
      if take(end) { return items }
      try Self.hold(take(UInt8(ascii: ",")), "R8")
    }
  }

  private mutating func word(_ word: String, _ value: Value) throws -> Value {
    for byte in word.utf8 { try Self.hold(take(byte), "R8") }
    return value
  }

  private mutating func digits() throws {
    try Self.hold(next.map { 0x30...0x39 ~= $0 } == true, "R10")
    while let byte = next, 0x30...0x39 ~= byte { position += 1 }
  }

  private mutating func number() throws -> String {
    let start = position
    _ = take(UInt8(ascii: "-"))
    if !take(UInt8(ascii: "0")) { try digits() }
    if take(UInt8(ascii: ".")) { try digits() }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      try digits()
    }
    let number = String(decoding: text[start..<position], as: UTF8.self)
    try Self.hold(Double(number)?.isFinite == true, "R10")
    return number
  }

  private mutating func string() throws -> [UInt8] {
    try Self.hold(take(UInt8(ascii: "\"")), "R8")
    var string: [UInt8] = []
    while let byte = next {
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return string
      case UInt8(ascii: "\\"): string += Array(String(try escape()).utf8)
      case ..<0x20: throw Refusal(reason: "R11")
      default: string.append(byte)
      }
    }
    throw Refusal(reason: "R11")
  }

  private mutating func escape() throws -> Character {
    let simple: [UInt8: Unicode.Scalar] = [
      0x22: "\"", 0x5C: "\\", 0x2F: "/", 0x62: "\u{8}", 0x66: "\u{C}", 0x6E: "\n", 0x72: "\r",
      0x74: "\t",
    ]
    guard let byte = next else { throw Refusal(reason: "R11") }
    position += 1
    if let scalar = simple[byte] { return Character(scalar) }
    try Self.hold(byte == UInt8(ascii: "u"), "R11")
    var code = try fourDigits()
    if 0xD800...0xDBFF ~= code {
      try Self.hold(take(UInt8(ascii: "\\")) && take(UInt8(ascii: "u")), "R11")
      let low = try fourDigits()
      try Self.hold(0xDC00...0xDFFF ~= low, "R11")
      code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(code) else { throw Refusal(reason: "R11") }
    return Character(scalar)
  }

  private mutating func fourDigits() throws -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80
      else {
        throw Refusal(reason: "R11")
      }
      position += 1
      code = code << 4 | UInt32(digit)
    }
    return code
  }
}
