// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// Encodes a header as the reference implementation does: compact JSON in the order of the calls.
struct HeaderEncoder {
  private var text: [UInt8] = Array("{".utf8)

  /// The approximate size of a tensor's entry, in bytes.
  private static let usualByteCount = 128

  init(metadata: ArchiveMetadata?, tensorCount: Int) {
    text.reserveCapacity((1 + tensorCount) * Self.usualByteCount)
    guard let metadata else { return }
    append("\"__metadata__\":")
    append(metadata)
  }

  private init(text: [UInt8]) {
    self.text = text
  }

  /// The text of the value of `__metadata__`.
  static func value(_ metadata: ArchiveMetadata) -> [UInt8] {
    var encoder = HeaderEncoder(text: [])
    encoder.append(metadata)
    return encoder.text
  }

  mutating func append(_ tensor: TensorInfo, offsets: Range<Int>) {
    if text.count > 1 { append(",") }
    append(quoting: tensor.name.string)
    append(":{\"dtype\":\"")
    append(tensor.dtype.name)
    append("\",\"shape\":[")
    for (index, dimension) in tensor.shape.dimensions.enumerated() {
      if index > 0 { append(",") }
      append(String(dimension))
    }
    append("],\"data_offsets\":[")
    append(String(offsets.lowerBound))
    append(",")
    append(String(offsets.upperBound))
    append("]}")
  }

  /// The header, padded (spec/safetensors.md W5).
  ///
  /// - Parameter reservedByteCount: the number of spaces before the padding (W8).
  mutating func finish(reservedByteCount: Int) -> [UInt8] {
    append("}")
    text.pad(toHeaderLength: HeaderLength.padded(text.count + reservedByteCount))
    // The text has one owner, so that it can grow where it is.
    defer { text = [] }
    return text
  }

  private mutating func append(_ metadata: ArchiveMetadata) {
    append("{")
    for (index, entry) in metadata.entries.enumerated() {
      if index > 0 { append(",") }
      append(quoting: entry.key.string)
      append(":")
      append(quoting: entry.value)
    }
    append("}")
  }

  private mutating func append(_ string: String) {
    text.append(contentsOf: string.utf8)
  }

  /// The escapes of serde_json: short ones where JSON has them, `\u00XX` for other control
  /// characters.
  private mutating func append(quoting string: String) {
    append("\"")
    if string.utf8.contains(where: { Self.escape($0) != nil }) {
      for byte in string.utf8 {
        if let escape = Self.escape(byte) { append(escape) } else { text.append(byte) }
      }
    } else {
      append(string)
    }
    append("\"")
  }

  private static func escape(_ byte: UInt8) -> String? {
    switch byte {
    case UInt8(ascii: "\""): "\\\""
    case UInt8(ascii: "\\"): "\\\\"
    case 0x08: "\\b"
    case 0x09: "\\t"
    case 0x0A: "\\n"
    case 0x0C: "\\f"
    case 0x0D: "\\r"
    case 0..<0x20: (byte < 0x10 ? "\\u000" : "\\u00") + String(byte, radix: 16)
    default: nil
    }
  }
}
