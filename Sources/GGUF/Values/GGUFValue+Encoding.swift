// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension GGUFValue {
  /// Appends the number of the type and the value, little endian (spec/gguf.md, GG6).
  func append(to bytes: inout [UInt8]) {
    bytes.appendLittleEndian(type.rawValue)
    appendValue(to: &bytes)
  }

  private func appendValue(to bytes: inout [UInt8]) {
    switch self {
    case .uint8(let value): bytes.append(value)
    case .int8(let value): bytes.appendLittleEndian(value)
    case .uint16(let value): bytes.appendLittleEndian(value)
    case .int16(let value): bytes.appendLittleEndian(value)
    case .uint32(let value): bytes.appendLittleEndian(value)
    case .int32(let value): bytes.appendLittleEndian(value)
    case .uint64(let value): bytes.appendLittleEndian(value)
    case .int64(let value): bytes.appendLittleEndian(value)
    case .float32(let value): bytes.appendLittleEndian(value.bitPattern)
    case .float64(let value): bytes.appendLittleEndian(value.bitPattern)
    case .bool(let value): bytes.append(value ? 1 : 0)
    case .string(let text): bytes.appendGGUF(text.utf8)
    case .bytes(let text): bytes.appendGGUF(text)
    case .array(let array):
      bytes.appendLittleEndian(array.elementType.rawValue)
      bytes.appendLittleEndian(UInt64(array.elements.count))
      for element in array.elements { element.appendValue(to: &bytes) }
    }
  }
}

extension [UInt8] {
  /// Appends a text: the number of its bytes, and the bytes.
  mutating func appendGGUF(_ text: some Collection<UInt8>) {
    appendLittleEndian(UInt64(text.count))
    append(contentsOf: text)
  }
}
