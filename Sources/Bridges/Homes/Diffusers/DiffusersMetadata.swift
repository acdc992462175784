// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import PEFT
internal import Tensors

/// The configs of adapters in the metadata of a file of diffusers: one JSON text, whose keys have the
/// model in front, such as `unet.r` (spec/kohya.md, KO17).
struct DiffusersMetadata {
  /// The key of the text.
  static let key: UTF8Text = "lora_adapter_metadata"

  private var document = JSONObject()

  /// Creates metadata without configs.
  init() {}

  /// Decodes the metadata of a file.
  ///
  /// - Returns: nil for a file without configs.
  /// - Throws: `malformed` for a text that is not a JSON object.
  init?(_ metadata: ArchiveMetadata?, path: String) throws(CheckpointError) {
    guard let text = metadata?[Self.key], !text.isEmpty else { return nil }
    do throws(CheckpointError) {
      let value = try JSONValue(parsing: Array(text.utf8))
      guard let object = value.object else {
        throw .malformed("a JSON object is expected, but this is \(value.kindName)")
      }
      document = object
    } catch {
      throw error.inContext("the metadata key lora_adapter_metadata").inFile(path)
    }
  }

  /// The config of a model's adapter; nil without one.
  ///
  /// - Parameter component: the model; nil for a file without models in its names.
  func config(of component: PipelineComponent?) -> AdapterConfig? {
    guard let component else {
      return document.isEmpty ? nil : AdapterConfig(document: document)
    }
    let prefix = component.name + "."
    var own = JSONObject()
    for member in document where member.key.startsWithBytes(of: prefix) {
      own[String(decoding: member.key.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)] =
        member.value
    }
    return own.isEmpty ? nil : AdapterConfig(document: own)
  }

  /// Adds the config of a model's adapter.
  mutating func add(_ config: AdapterConfig, of component: PipelineComponent) {
    for member in config.document { document[component.name + "." + member.key] = member.value }
  }

  /// The metadata of a file, with the text that Python writes.
  var encoded: ArchiveMetadata {
    let text = String(decoding: JSONValue.object(document).encoded(.python()), as: UTF8.self)
    return ["format": "pt", Self.key: text]
  }
}
