// SPDX-License-Identifier: Apache-2.0
package import Archives
internal import Checkpoints
internal import Files
public import JSONDocument
public import Tensors

/// A base model: the names and shapes of its tensors, and its `config.json` (spec/base-model.md, P1
/// to P3).
public struct BaseModel: Sendable {
  /// The path as it was given.
  public let path: String
  /// The keys and values of `config.json`; empty without one.
  public let config: JSONObject
  /// The tensors; nil for a directory that has only a config.
  package let weights: (any TensorArchive)?
  /// The models of a diffusers pipeline, by their names; empty for a model.
  public let components: [(component: PipelineComponent, model: BaseModel)]

  private static let configName = "config.json"
  /// The file that makes a directory a pipeline.
  private static let pipelineName = "model_index.json"
  /// The names that diffusers gives the weights of a model, in the order of its search.
  private static let diffusersNames = [
    "diffusion_pytorch_model.safetensors.index.json", "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.bin",
  ]

  /// Opens a model directory, also by the path of its config, an index of shards, or a weights file,
  /// or the directory of a diffusers pipeline; no tensor data is read.
  ///
  /// - Throws: `missing` when there are neither weights nor a config, what decoding the config
  ///   throws, and what opening the weights throws.
  /// - Complexity: O(config + headers of the weights).
  public init(path: String) throws(CheckpointError) {
    self.path = path
    let directory: String
    if let named = Self.directory(ofConfig: path) {
      weights = try Self.weights(in: named)
      directory = named
    } else if let file = try InputFile(unlessDirectory: path) {
      weights = try Checkpoint.open(file)
      directory = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[...$0]) } ?? "."
    } else {
      weights = try Self.weights(in: path)
      directory = path
    }
    components = weights == nil ? try Self.components(in: directory) : []
    guard let file = try InputFile(existing: Self.file(Self.configName, in: directory)) else {
      guard weights != nil || !components.isEmpty else {
        throw CheckpointError(
          .missing, "is not a model: it has neither weights nor a \(Self.configName)", path: path)
      }
      config = JSONObject()
      return
    }
    do throws(CheckpointError) {
      let value = try JSONValue(parsing: file.readAll(limit: JSONLimits.byteCount))
      guard let object = value.object else {
        throw .malformed("a config must be a JSON object, but this is \(value.kindName)", at: 0)
      }
      config = object
    } catch {
      throw error.inFile(Self.file(Self.configName, in: directory))
    }
  }

  private static func file(_ name: String, in directory: String) -> String {
    directory.hasSuffix("/") ? directory + name : directory + "/" + name
  }

  /// The weights of a model of transformers or diffusers.
  private static func weights(
    in directory: String
  ) throws(CheckpointError) -> (any TensorArchive)? {
    if let model = try Model(existing: directory) { return model.weights }
    for name in diffusersNames {
      if let file = try InputFile(existing: file(name, in: directory)) {
        return try Checkpoint.open(file)
      }
    }
    return nil
  }

  /// The models of a pipeline; empty for a directory that is none.
  private static func components(
    in directory: String
  ) throws(CheckpointError) -> [(component: PipelineComponent, model: BaseModel)] {
    guard PathKind.existing(file(pipelineName, in: directory)) == .file else { return [] }
    var models: [(component: PipelineComponent, model: BaseModel)] = []
    for component in PipelineComponent.all {
      let folder = file(component.name, in: directory)
      guard PathKind.existing(folder) == .directory else { continue }
      // A pipeline in a folder of a pipeline is not looked for.
      guard PathKind.existing(file(pipelineName, in: folder)) != .file else { continue }
      models.append((component, try BaseModel(path: folder)))
    }
    return models
  }

  /// The directory of a path that ends in `config.json`; nil for other paths.
  private static func directory(ofConfig path: String) -> String? {
    guard path != configName else { return "." }
    guard path.hasSuffix("/" + configName) else { return nil }
    return String(path.dropLast(configName.count))
  }

  /// Describes a model by its tensors and config.
  init(path: String = "", config: JSONObject, weights: (any TensorArchive)?) {
    components = []
    self.path = path
    self.config = config
    self.weights = weights
  }

  /// `model_type`; nil without one.
  public var modelType: String? { config["model_type"]?.string }

  /// The number of elements of all tensors; nil where the files do not tell it: without weights, and for
  /// quantized ones, which pack several elements into one.
  ///
  /// - Complexity: O(tensors).
  public var parameterCount: Int? {
    guard let weights, config["quantization_config"]?.object == nil else { return nil }
    var count = 0
    for index in 0..<weights.tensorCount {
      weights.describeTensor(at: index) { tensor in
        let (sum, overflow) = count.addingReportingOverflow(tensor.elementCount)
        count = overflow ? .max : sum
      }
    }
    return count
  }

  /// The config of the language model, which a model of several parts has in an object of its own.
  package var textConfig: JSONObject { config["text_config"]?.object ?? config }

  /// The width of the hidden states.
  package var hiddenSize: Int? {
    let keys = ["hidden_size", "n_embd", "d_model"]
    return keys.lazy.compactMap { textConfig[$0]?.integer }.first
  }

  /// Whether the config ties the output embedding to the input embedding.
  func tiesEmbeddings(_ type: ModelType?) -> Bool {
    for config in [config, textConfig] {
      if let ties = config["tie_word_embeddings"]?.bool { return ties }
    }
    return type?.tiesByDefault ?? false
  }
}
