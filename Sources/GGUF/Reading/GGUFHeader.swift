// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors

/// The header of a GGUF file: its keys and the descriptions of its tensors.
struct GGUFHeader: Sendable {
  /// A key, and the place of its value.
  struct Entry: Sendable {
    let key: String
    let type: GGUFValueType
    /// The offset of the value, after the number of its type.
    let offset: Int
  }

  /// A tensor, and the place of its data.
  struct Tensor: Sendable {
    let info: TensorInfo
    let range: Range<Int>
  }

  /// The entries of the metadata, in the order of the file.
  private(set) var entries: [Entry] = []
  /// The tensors, in the order of the file.
  private(set) var tensors: [Tensor] = []
  /// The tensors that cannot be read.
  private(set) var skipped: [SkippedItem] = []
  /// The tensors by name.
  private(set) var places: [TensorName: Int] = [:]
  /// Whether all numbers are big endian.
  var isBigEndian: Bool { cursor.isBigEndian }

  /// Keeps the bytes of the header, of which values are made when they are asked for.
  private var cursor: GGUFCursor

  /// The first bytes of a file.
  static let magic = Array("GGUF".utf8)
  /// The key of the alignment of tensors.
  static let alignmentKey = "general.alignment"
  /// The alignment without such a key, in bytes.
  static let defaultAlignment = 32
  /// The largest alignment, in bytes.
  static let largestAlignment = 1 << 20
  /// The most dimensions of a tensor.
  static let mostDimensions = 4
  /// The fewest bytes of a key and its value, and of a tensor's description.
  private static let leastEntry = 13
  private static let leastTensor = 24

  /// Reads the header of a file.
  ///
  /// - Throws: `truncated` or `malformed`, with byte, key or tensor, when it is damaged;
  ///   `unsupported` for other versions, unknown types of tensors, and headers of more than
  ///   `GGUFCursor.largestHeader` bytes.
  /// - Complexity: O(header).
  init(_ file: InputFile) throws(CheckpointError) {
    cursor = GGUFCursor(file)
    try cursor.skip(Self.magic.count)
    guard cursor.bytes.starts(with: Self.magic) else {
      throw .malformed("does not start with GGUF", at: 0)
    }
    try readVersion()
    let tensorCount = try readCount("tensors", least: Self.leastTensor)
    let entryCount = try readCount("keys", least: Self.leastEntry)
    try readEntries(entryCount)
    let alignment = try alignment()
    try readTensors(tensorCount, alignment: alignment, fileByteCount: file.byteCount)
  }

  private mutating func readVersion() throws(CheckpointError) {
    let start = cursor.position
    var version = try cursor.read(UInt32.self)
    if version & 0xFFFF == 0 {
      cursor.isBigEndian = true
      version = version.byteSwapped
    }
    guard version == 2 || version == 3 else {
      throw CheckpointError(
        .unsupported, "is of version \(version) of GGUF, and 2 and 3 are supported", offset: start)
    }
  }

  /// Reads a number of items, which must fit the file.
  private mutating func readCount(_ noun: String, least: Int) throws(CheckpointError) -> Int {
    let start = cursor.position
    let count = try cursor.read(UInt64.self)
    guard let count = Int(exactly: count), count <= cursor.remaining / least else {
      throw cursor.tooLong("a list of \(count) \(noun)", at: start)
    }
    return count
  }

  private mutating func readEntries(_ count: Int) throws(CheckpointError) {
    var keys: Set<UTF8Text> = []
    for _ in 0..<count {
      let start = cursor.position
      let place = try cursor.readText()
      guard let key = String(utf8: cursor.bytes.span.extracting(place)) else {
        throw .malformed("a key is not UTF-8", at: start)
      }
      guard keys.insert(UTF8Text(key)).inserted else {
        throw .malformed("duplicate key \"\(key.excerpt)\"", at: start)
      }
      do throws(CheckpointError) {
        let type = try cursor.readType()
        entries.append(Entry(key: key, type: type, offset: cursor.position))
        try cursor.skipValue(type)
      } catch {
        guard error.code != .system else { throw error }
        throw CheckpointError(
          error.code, "key \"\(key.excerpt)\": \(error.message)", offset: error.offset)
      }
    }
  }

  /// The alignment of the data, in bytes.
  ///
  /// - Throws: `malformed` unless it is a power of two of the type `uint32`; `unsupported` for one
  ///   that is too large.
  private func alignment() throws(CheckpointError) -> Int {
    guard let value = self[Self.alignmentKey] else { return Self.defaultAlignment }
    return try Self.alignment(value)
  }

  /// The alignment that a value means.
  static func alignment(_ value: GGUFValue) throws(CheckpointError) -> Int {
    guard case .uint32(let number) = value, number.nonzeroBitCount == 1 else {
      throw .malformed("\(alignmentKey) must be a uint32 that is a power of two")
    }
    guard number <= UInt32(largestAlignment) else {
      throw CheckpointError(
        .unsupported, "\(alignmentKey) is \(number), more than the \(largestAlignment) supported")
    }
    return Int(number)
  }

  private mutating func readTensors(
    _ count: Int, alignment: Int, fileByteCount: Int
  ) throws(CheckpointError) {
    var descriptions: [GGUFDescription] = []
    descriptions.reserveCapacity(count)
    places.reserveCapacity(count)
    for index in 0..<count {
      let description = try GGUFDescription(parsing: &cursor)
      guard places.updateValue(index, forKey: description.name) == nil else {
        throw CheckpointError(
          .malformed, "duplicate tensor name", tensor: description.name,
          offset: description.offset)
      }
      descriptions.append(description)
    }
    let data = GGUFData(
      start: GGUFData.aligned(cursor.position, to: alignment), alignment: alignment)
    tensors = try data.placed(descriptions, fileByteCount: fileByteCount)
    if isBigEndian { skipQuantized() }
  }

  /// Moves the tensors that are not read to the skipped items: blocks are not swapped.
  private mutating func skipQuantized() {
    guard tensors.contains(where: { $0.info.dtype.isQuantized }) else { return }
    for tensor in tensors where tensor.info.dtype.isQuantized {
      skipped.append(
        SkippedItem(
          name: tensor.info.name, type: "big-endian \(tensor.info.dtype) tensor", isTensor: true,
          shape: tensor.info.shape))
    }
    tensors.removeAll { $0.info.dtype.isQuantized }
    places = [:]
    for (index, tensor) in tensors.enumerated() { places[tensor.info.name] = index }
  }

  /// The value of a key; nil when the file does not have it.
  ///
  /// - Complexity: O(keys + value).
  subscript(key: String) -> GGUFValue? {
    entries.first { UTF8Text($0.key) == UTF8Text(key) }.flatMap(value(of:))
  }

  /// The value of an entry. Reading checked it, so that it is never nil.
  func value(of entry: Entry) -> GGUFValue? {
    var cursor = cursor
    cursor.position = entry.offset
    cursor.elementCount = 0
    return try? cursor.readValue(entry.type)
  }
}
