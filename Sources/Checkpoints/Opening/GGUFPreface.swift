// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// What the first keys of a GGUF file say that it is.
struct GGUFPreface {
  /// The first bytes of a file.
  static let magic = Array("GGUF".utf8)

  /// The value of `general.type`, such as `model` or `adapter`; nil if it is not among the first keys.
  private var type: String?
  /// The value of `adapter.type`, such as `lora`.
  private var adapterType: String?

  /// Reads the keys in the first bytes of a file, as far as they go.
  ///
  /// - Parameter prefix: bytes that start with `magic`.
  init(_ prefix: [UInt8]) {
    var reader = ByteReader(prefix.span.rawBytes)
    // The keys end where the prefix does, and usually the interesting ones come first.
    try? read(&reader)
  }

  private mutating func read(_ reader: inout ByteReader) throws(CheckpointError) {
    _ = try reader.readBytes(Self.magic.count)
    // Version 1 has shorter lengths; other numbers are versions to come, or of the other byte order.
    guard try [2, 3].contains(reader.readLittleEndian(UInt32.self)) else { return }
    _ = try reader.readLittleEndian(UInt64.self)
    var rest = try reader.readLittleEndian(UInt64.self)
    while rest > 0 {
      let key = try Self.text(&reader)
      switch try reader.readLittleEndian(UInt32.self) {
      case 0, 1, 7: _ = try reader.readBytes(1)
      case 2, 3: _ = try reader.readBytes(2)
      case 4, 5, 6: _ = try reader.readBytes(4)
      case 10, 11, 12: _ = try reader.readBytes(8)
      case 8:
        let value = try Self.text(&reader)
        if key == "general.type" { type = value }
        if key == "adapter.type" { adapterType = value }
      default: return
      }
      rest -= 1
    }
  }

  private static func text(_ reader: inout ByteReader) throws(CheckpointError) -> String {
    let count = try reader.readLittleEndian(UInt64.self)
    let bytes = try reader.readBytes(Int(clamping: count))
    return String(decoding: bytes.array(0..<bytes.byteCount), as: UTF8.self)
  }

  /// The kind of file.
  var impostor: Impostor {
    switch type {
    case "adapter":
      Impostor(
        adapterType == "lora" ? "a GGUF LoRA adapter" : "a GGUF adapter",
        hint: "llama.cpp loads it; PEFT needs the adapter that it was converted from")
    case "model", nil:
      Impostor(
        type == nil ? "a GGUF file" : "a GGUF model",
        hint: "llama.cpp loads it; name the safetensors or torch files that it was converted from")
    case let type?: Impostor("a GGUF file of the type \(type.excerpt)", hint: "llama.cpp loads it")
    }
  }
}
