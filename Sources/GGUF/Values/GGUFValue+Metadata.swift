// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension ArchiveMetadata.Entry {
  /// The format of typed values.
  private static let formatName = "gguf"

  /// An entry of a typed value, with its text.
  init(key: UTF8Text, value: GGUFValue) {
    var bytes: [UInt8] = []
    value.append(to: &bytes)
    self.init(
      key: key, value: value.text,
      typed: TypedMetadata(format: Self.formatName, type: value.typeText, bytes: bytes))
  }

  /// Type and value as GGUF stores them: text without a type of this format is a string.
  var ggufBytes: [UInt8] {
    if let typed, typed.format == Self.formatName { return typed.bytes }
    var bytes: [UInt8] = []
    GGUFValue.string(value).append(to: &bytes)
    return bytes
  }
}
