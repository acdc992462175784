// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Tensors

/// Parses the bytes of a header into tables (spec/safetensors.md, R7 to R17).
struct HeaderParser: ~Escapable {
  var scanner: HeaderScanner
  private var entries: [HeaderTables.Entry]
  var dimensions: [UInt]
  /// The start of the last entry, up to its dimensions; most entries start the same.
  var usualStart: UsualStart?
  private var metadata: ArchiveMetadata?
  private var metadataPlace: MetadataPlace?
  /// Decoded names that had escapes; they follow the header in the text of the tables.
  private var decoded: [UInt8] = []

  @_lifetime(copy bytes)
  private init(_ bytes: Span<UInt8>, baseOffset: Int) {
    scanner = HeaderScanner(bytes, baseOffset: baseOffset)
    // The size of a short entry in practice, in bytes.
    let count = min(bytes.count / 64, 1 << 20)
    entries = Array(roomFor: count)
    dimensions = Array(roomFor: 2 * count)
  }

  /// Parses a header at `baseOffset` in its file.
  ///
  /// - Throws: `malformed` with the byte where the header becomes invalid.
  /// - Complexity: O(bytes), one pass.
  static func parse(
    _ header: [UInt8], baseOffset: Int
  ) throws(CheckpointError) -> HeaderTables {
    do throws(UTF8.ValidationError) {
      _ = try UTF8Span(validating: header.span)
    } catch {
      throw .malformed(
        "the header is not valid UTF-8", at: baseOffset + error.byteOffsets.lowerBound)
    }
    var parser = HeaderParser(header.span, baseOffset: baseOffset)
    try parser.parseHeader()
    return HeaderTables(
      text: parser.decoded.isEmpty ? header : header + parser.decoded,
      entries: parser.entries, dimensions: parser.dimensions, metadata: parser.metadata,
      metadataPlace: parser.metadataPlace)
  }

  private mutating func parseHeader() throws(CheckpointError) {
    try scanner.open(UInt8(ascii: "{"), "an object")
    if !scanner.isEmpty(until: UInt8(ascii: "}")) {
      repeat { try parseMember() } while try scanner.continues(until: UInt8(ascii: "}"))
    }
    scanner.skipWhitespace()
    guard scanner.current == nil else { throw scanner.failure("unexpected text after its end") }
  }

  private mutating func parseMember() throws(CheckpointError) {
    scanner.skipWhitespace()
    let key = try scanner.scanString()
    try scanner.expect(UInt8(ascii: ":"), ":")
    if try matches(key, "__metadata__") {
      guard metadataPlace == nil else {
        throw scanner.failure("duplicate __metadata__", at: key.range.lowerBound)
      }
      scanner.skipWhitespace()
      let start = scanner.position
      try parseMetadata()
      metadataPlace = MetadataPlace(
        member: key.range.lowerBound - 1..<scanner.position, value: start..<scanner.position)
    } else {
      try parseTensor(named: key)
    }
  }

  private mutating func parseMetadata() throws(CheckpointError) {
    if scanner.current == UInt8(ascii: "n") {
      try scanner.scanLiteral("null")
      return
    }
    try scanner.open(UInt8(ascii: "{"), "an object or null in __metadata__")
    var metadata: [ArchiveMetadata.Entry] = []
    var keys: Set<UTF8Text> = []
    if !scanner.isEmpty(until: UInt8(ascii: "}")) {
      repeat {
        scanner.skipWhitespace()
        let token = try scanner.scanString()
        let key = UTF8Text(try scanner.string(token))
        guard keys.insert(key).inserted else {
          throw scanner.failure(
            "duplicate key \"\(key)\" in __metadata__", at: token.range.lowerBound)
        }
        try scanner.expect(UInt8(ascii: ":"), ":")
        scanner.skipWhitespace()
        guard scanner.current == UInt8(ascii: "\"") else {
          throw scanner.failure(
            "\"\(key.string.excerpt)\" in __metadata__ must be a string, not "
              + scanner.currentKind)
        }
        metadata.append(.init(key: key, value: try scanner.string(try scanner.scanString())))
      } while try scanner.continues(until: UInt8(ascii: "}"))
    }
    self.metadata = ArchiveMetadata(metadata)
  }

  private mutating func parseTensor(named key: StringToken) throws(CheckpointError) {
    scanner.skipWhitespace()
    if let entry = takeUsualTensor(named: key) {
      entries.append(entry)
      return
    }
    var entry = TensorFields(key: key)
    do throws(CheckpointError) {
      switch scanner.current {
      case UInt8(ascii: "{"): try parseObject(into: &entry)
      case UInt8(ascii: "["): try parseArray(into: &entry)
      default: throw scanner.failure("a tensor must be described by an object")
      }
      entries.append(try makeEntry(entry))
    } catch {
      throw error.naming(tensor: TensorName(try scanner.string(key)))
    }
  }

  /// `{"dtype": …, "shape": …, "data_offsets": …}` in any order; unknown fields are skipped.
  private mutating func parseObject(into entry: inout TensorFields) throws(CheckpointError) {
    let start = scanner.position
    try scanner.open(UInt8(ascii: "{"), "an object")
    guard !scanner.isEmpty(until: UInt8(ascii: "}")) else { return }
    repeat {
      let (field, place) = try parseField()
      switch field {
      case .dtype:
        try refuseSecond(entry.dtype != nil, "dtype", at: place)
        entry.dtype = try parseDType()
      case .shape:
        try refuseSecond(entry.shape != nil, "shape", at: place)
        let dtype = entry.offsets == nil ? entry.dtype : nil
        entry.shape = try parseShape(after: dtype.map { (start, $0) })
      case .dataOffsets:
        try refuseSecond(entry.offsets != nil, "data_offsets", at: place)
        entry.offsets = try parseOffsets()
      case nil:
        try scanner.skipValue()
      }
    } while try scanner.continues(until: UInt8(ascii: "}"))
  }

  /// `[dtype, shape, data_offsets]`, which the reference accepts too.
  private mutating func parseArray(into entry: inout TensorFields) throws(CheckpointError) {
    try scanner.open(UInt8(ascii: "["), "an array")
    guard !scanner.isEmpty(until: UInt8(ascii: "]")) else { return }
    entry.dtype = try parseDType()
    guard try scanner.continues(until: UInt8(ascii: "]")) else { return }
    entry.shape = try parseShape()
    guard try scanner.continues(until: UInt8(ascii: "]")) else { return }
    entry.offsets = try parseOffsets()
    guard try !scanner.continues(until: UInt8(ascii: "]")) else {
      throw scanner.failure("a tensor's array must have 3 elements")
    }
  }

  /// Parses a field's name and its colon.
  ///
  /// - Returns: the field, nil when it is unknown, and the offset of its name.
  private mutating func parseField() throws(CheckpointError) -> (field: TensorField?, place: Int) {
    scanner.skipWhitespace()
    let start = scanner.position + 1
    if let field = scanner.takeUsualField() { return (field, start) }
    let name = try scanner.scanString()
    try scanner.expect(UInt8(ascii: ":"), ":")
    for field in TensorField.allCases where try matches(name, field.name) { return (field, start) }
    return (nil, start)
  }

  private func refuseSecond(
    _ isSecond: Bool, _ name: StaticString, at place: Int
  ) throws(CheckpointError) {
    if isSecond { throw scanner.failure("duplicate field \"\(name)\"", at: place) }
  }

  /// `"F32"`, or `{"F32": null}`, which the reference accepts too.
  private mutating func parseDType() throws(CheckpointError) -> DType {
    scanner.skipWhitespace()
    let isObject = scanner.current == UInt8(ascii: "{")
    if isObject {
      try scanner.open(UInt8(ascii: "{"), "a dtype")
      scanner.skipWhitespace()
    }
    guard scanner.current == UInt8(ascii: "\"") else {
      throw scanner.failure("dtype must be a string")
    }
    let token = try scanner.scanString()
    guard let dtype = try dtype(spelled: token) else {
      let name = try scanner.string(token)
      throw scanner.failure("unknown dtype \"\(name)\"", at: token.range.lowerBound)
    }
    if isObject {
      try scanner.expect(UInt8(ascii: ":"), ":")
      scanner.skipWhitespace()
      try scanner.scanLiteral("null")
      guard try !scanner.continues(until: UInt8(ascii: "}")) else {
        throw scanner.failure("dtype must be a string")
      }
    }
    return dtype
  }

  /// Parses an array of dimensions into the flat table.
  ///
  /// - Parameter opening: the offset of the entry's object and its dtype, when it has no other
  ///   field so far.
  private mutating func parseShape(
    after opening: (position: Int, dtype: DType)? = nil
  ) throws(CheckpointError) -> Range<Int> {
    let start = dimensions.count
    scanner.skipWhitespace()
    try scanner.open(UInt8(ascii: "["), "an array as shape")
    if let opening {
      usualStart = UsualStart(text: opening.position..<scanner.position, dtype: opening.dtype)
    }
    if !scanner.isEmpty(until: UInt8(ascii: "]")) {
      repeat {
        dimensions.append(try scanner.scanSize("a dimension"))
      } while try scanner.continues(until: UInt8(ascii: "]"))
    }
    return start..<dimensions.count
  }

  private mutating func parseOffsets() throws(CheckpointError) -> (begin: UInt, end: UInt) {
    scanner.skipWhitespace()
    try scanner.open(UInt8(ascii: "["), "an array as data_offsets")
    let begin = try scanner.scanSize("a data offset")
    guard try scanner.continues(until: UInt8(ascii: "]")) else {
      throw scanner.failure("data_offsets must have 2 elements")
    }
    let end = try scanner.scanSize("a data offset")
    guard try !scanner.continues(until: UInt8(ascii: "]")) else {
      throw scanner.failure("data_offsets must have 2 elements")
    }
    return (begin, end)
  }

  private mutating func makeEntry(
    _ fields: TensorFields
  ) throws(CheckpointError) -> HeaderTables.Entry {
    guard let dtype = fields.dtype else { throw scanner.failure("dtype is missing") }
    guard let shape = fields.shape else { throw scanner.failure("shape is missing") }
    guard let offsets = fields.offsets else { throw scanner.failure("data_offsets is missing") }
    var name = fields.key.range
    if fields.key.hasEscapes {
      let start = decoded.count
      try scanner.decode(fields.key, into: &decoded)
      name = scanner.bytes.count + start..<scanner.bytes.count + decoded.count
    }
    return HeaderTables.Entry(
      name: name, shape: shape, dtype: dtype, begin: offsets.begin, end: offsets.end)
  }

  private func dtype(spelled token: StringToken) throws(CheckpointError) -> DType? {
    if token.hasEscapes { return DType(name: try scanner.string(token)) }
    let spelling = scanner.bytes.extracting(token.range)
    // Usually the same as the one before.
    if let last = entries.last?.dtype, spelling.elementsEqual(last.spelling) { return last }
    return DType(spelling: spelling)
  }

  /// Whether a string equals `text` once its escapes are decoded.
  private func matches(
    _ token: StringToken, _ text: StaticString
  ) throws(CheckpointError) -> Bool {
    if token.hasEscapes { return try scanner.string(token) == text.description }
    guard token.range.count == text.utf8CodeUnitCount else { return false }
    return scanner.bytes.extracting(token.range).elementsEqual(text)
  }
}

/// The fields of a tensor that is being parsed.
private struct TensorFields {
  let key: StringToken
  var dtype: DType?
  var shape: Range<Int>?
  var offsets: (begin: UInt, end: UInt)?

  init(key: StringToken) { self.key = key }
}
