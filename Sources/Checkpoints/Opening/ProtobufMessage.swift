// SPDX-License-Identifier: Apache-2.0

/// The first fields of a message in the encoding of protocol buffers.
struct ProtobufMessage {
  /// A field: its number, and its contents as far as the bytes contain them.
  private struct Field {
    let number: UInt64
    let value: Value

    enum Value {
      case number(UInt64)
      case bytes(ArraySlice<UInt8>)
      case fixed
    }

    var bytes: ArraySlice<UInt8>? {
      if case .bytes(let bytes) = value { bytes } else { nil }
    }

    /// A message in the field; nil when it is something else.
    var message: ProtobufMessage? { bytes.flatMap { ProtobufMessage($0) } }

    /// Printable text in the field, which is not empty.
    var text: String? {
      guard let bytes, !bytes.isEmpty, bytes.count <= 256,
        bytes.allSatisfy({ (0x20...0x7E).contains($0) })
      else { return nil }
      return String(decoding: bytes, as: UTF8.self)
    }
  }

  /// The most fields that are read.
  private static let fieldLimit = 16

  private let fields: [Field]

  init?(_ ends: FileEnds) { self.init(ends.head[...]) }

  /// Reads fields up to where the bytes end.
  ///
  /// - Returns: nil when the bytes do not start with a field.
  private init?(_ bytes: ArraySlice<UInt8>) {
    var fields: [Field] = []
    var rest = bytes
    while fields.count < Self.fieldLimit, let key = Self.varint(&rest), key >> 3 > 0 {
      switch key & 7 {
      case 0:
        guard let value = Self.varint(&rest) else { break }
        fields.append(Field(number: key >> 3, value: .number(value)))
        continue
      case 1, 5:
        fields.append(Field(number: key >> 3, value: .fixed))
        rest = rest.dropFirst(key & 7 == 1 ? 8 : 4)
        continue
      case 2:
        guard let length = Self.varint(&rest), length < 1 << 40 else { break }
        let contents = rest.prefix(Int(length))
        fields.append(Field(number: key >> 3, value: .bytes(contents)))
        rest = rest.dropFirst(contents.count)
        continue
      default: break
      }
      break
    }
    guard !fields.isEmpty else { return nil }
    self.fields = fields
  }

  private static func varint(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 63, by: 7) {
      guard let byte = bytes.popFirst() else { return nil }
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
    }
    return nil
  }

  /// The number in the first field, when its number is 1.
  private var version: UInt64? {
    guard fields[0].number == 1, case .number(let value) = fields[0].value else { return nil }
    return value
  }

  /// A version; then the name of the producer, a graph or the sets of operators.
  var isONNX: Bool {
    guard let version, (1...64).contains(version), fields.count > 1 else { return false }
    switch fields[1].number {
    case 2: return fields[1].text != nil
    case 7, 8: return fields[1].message != nil
    default: return false
    }
  }

  /// Version 1, and graphs whose first part describes them.
  var isSavedModel: Bool {
    guard version == 1, fields.count > 1, fields[1].number == 2, !isCoreML,
      let graph = fields[1].message, graph.fields[0].number == 1
    else { return false }
    return graph.fields[0].message != nil
  }

  /// A version, and a description whose first part is an input with a name.
  var isCoreML: Bool {
    guard let version, (1...64).contains(version), fields.count > 1, fields[1].number == 2,
      let input = fields[1].message?.fields[0], input.number == 1, let named = input.message
    else { return false }
    return named.fields[0].number == 1 && named.fields[0].text != nil
      && named.fields.dropFirst().allSatisfy { $0.number <= 3 }
  }

  /// Nodes with a name and an operator.
  var isTensorFlowGraph: Bool {
    guard fields[0].number == 1, let node = fields[0].message, node.fields.count > 1 else {
      return false
    }
    return node.fields[0].number == 1 && node.fields[0].text != nil
      && node.fields[1].number == 2 && node.fields[1].text != nil
  }

  /// Pieces: each a text, a score and a type.
  var isSentencePiece: Bool {
    fields.prefix(3).allSatisfy { field in
      guard field.number == 1, let piece = field.message, piece.fields.count > 1,
        piece.fields[0].number == 1, piece.fields[0].bytes?.isEmpty == false
      else { return false }
      if case .fixed = piece.fields[1].value { return piece.fields[1].number == 2 }
      return false
    }
  }
}
