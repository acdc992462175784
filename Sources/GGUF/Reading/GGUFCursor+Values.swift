// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension GGUFCursor {
  /// The deepest nesting of arrays; no known writer nests them.
  static let deepestArray = 8
  /// The most elements of all arrays together; vocabularies have some hundred thousand.
  static let mostElements = 1 << 22

  /// Reads the number of a type.
  ///
  /// - Throws: `malformed` for a number without a type, else as `read`.
  mutating func readType() throws(CheckpointError) -> GGUFValueType {
    let start = position
    let number = try read(UInt32.self)
    guard let type = GGUFValueType(rawValue: number) else {
      throw .malformed("unknown value type \(number)", at: start)
    }
    return type
  }

  /// Moves past a value, whose lengths are checked.
  ///
  /// - Throws: `malformed` for arrays that are nested too deeply, else as `readType`.
  /// - Complexity: O(strings and arrays in it).
  mutating func skipValue(_ type: GGUFValueType, depth: Int = 0) throws(CheckpointError) {
    if let byteCount = type.byteCount { return try skip(byteCount) }
    guard type == .array else {
      _ = try readText()
      return
    }
    let (elementType, count) = try readArrayHead(depth: depth)
    if let byteCount = elementType.byteCount { return try skip(count * byteCount) }
    for _ in 0..<count { try skipValue(elementType, depth: depth + 1) }
  }

  /// Reads a value that `skipValue` has checked, and whose bytes are all there.
  ///
  /// - Throws: as `skipValue`.
  mutating func readValue(_ type: GGUFValueType, depth: Int = 0) throws(CheckpointError)
    -> GGUFValue
  {
    switch type {
    case .uint8: return .uint8(try read(UInt8.self))
    case .int8: return .int8(try read(Int8.self))
    case .uint16: return .uint16(try read(UInt16.self))
    case .int16: return .int16(try read(Int16.self))
    case .uint32: return .uint32(try read(UInt32.self))
    case .int32: return .int32(try read(Int32.self))
    case .uint64: return .uint64(try read(UInt64.self))
    case .int64: return .int64(try read(Int64.self))
    case .float32: return .float32(Float(bitPattern: try read(UInt32.self)))
    case .float64: return .float64(Double(bitPattern: try read(UInt64.self)))
    case .bool: return .bool(try read(UInt8.self) != 0)
    case .string:
      let place = try readText()
      let text = bytes.span.extracting(place)
      return String(utf8: text).map { .string($0) } ?? .bytes(Array(bytes[place]))
    case .array:
      let (elementType, count) = try readArrayHead(depth: depth)
      var elements: [GGUFValue] = []
      elements.reserveCapacity(count)
      for _ in 0..<count { elements.append(try readValue(elementType, depth: depth + 1)) }
      return .array(GGUFArray(of: elementType, elements))
    }
  }

  /// Reads the type and number of the elements of an array, which are known to fit the file.
  private mutating func readArrayHead(
    depth: Int
  ) throws(CheckpointError) -> (type: GGUFValueType, count: Int) {
    let start = position
    guard depth < Self.deepestArray else {
      throw .malformed("arrays are nested more than \(Self.deepestArray) deep", at: start)
    }
    let type = try readType()
    let count = try read(UInt64.self)
    // A string takes at least its length, an array its type and length.
    let least = type.byteCount ?? (type == .array ? 12 : 8)
    guard let count = Int(exactly: count), count <= remaining / least else {
      throw tooLong("an array of \(count) elements", at: start)
    }
    elementCount += count
    guard elementCount <= Self.mostElements else {
      throw CheckpointError(
        .unsupported, "the arrays have more than the \(Self.mostElements) elements supported",
        offset: start)
    }
    return (type, count)
  }
}
