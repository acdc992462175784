// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Tensors

extension GGUFValue {
  /// The value as text: a string as it is, numbers in decimal, arrays as JSON (spec/gguf.md, GG8).
  package var text: String {
    switch self {
    case .uint8(let value): "\(value)"
    case .int8(let value): "\(value)"
    case .uint16(let value): "\(value)"
    case .int16(let value): "\(value)"
    case .uint32(let value): "\(value)"
    case .int32(let value): "\(value)"
    case .uint64(let value): "\(value)"
    case .int64(let value): "\(value)"
    case .float32(let value): "\(value)"
    case .float64(let value): "\(value)"
    case .bool(let value): "\(value)"
    case .string(let text): text
    case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
    case .array: json
    }
  }

  /// The type, such as `uint32`, of an array with the number of its elements: `string[3]`.
  package var typeText: String {
    guard case .array(let array) = self else { return type.name }
    return "\(array.elementType.name)[\(array.elements.count)]"
  }

  private var json: String {
    var writer = JSONWriter(.compact)
    write(to: &writer)
    var bytes: [UInt8] = []
    writer.drain { bytes.append(copying: $0) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Writes the value as JSON. The nesting is bounded by the reader.
  private func write(to writer: inout JSONWriter) {
    switch self {
    case .array(let array):
      writer.beginArray()
      for element in array.elements { element.write(to: &writer) }
      writer.endArray()
    case .bool(let value): writer.bool(value)
    case .string, .bytes: writer.string(text)
    case .uint64(let value): writer.integer(value)
    // The shortest digits that give the same F32.
    case .float32(let value): writer.float(Double(value.description) ?? Double(value))
    case .float64(let value): writer.float(value)
    default: writer.integer(integer ?? 0)
    }
  }
}
