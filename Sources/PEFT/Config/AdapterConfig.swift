// SPDX-License-Identifier: Apache-2.0
internal import Concurrency
public import Files
public import JSONDocument
public import Tensors

/// An `adapter_config.json`: every key and value of it, known or not, in the order of the file.
///
/// Decoding and encoding give the bytes that PEFT writes, for any file that PEFT wrote
/// (spec/adapter_config.md).
public struct AdapterConfig: Sendable, Hashable {
  /// The keys and values.
  public var document: JSONObject

  /// The name of the file in an adapter directory.
  public static let fileName = "adapter_config.json"

  /// The prefix of the base model's own names in the weights of prompt learning.
  public static let baseModelPrefix = "base_model."

  /// Creates a config from keys and values.
  public init(document: JSONObject) {
    self.document = document
  }

  /// Decodes a config.
  ///
  /// - Throws: `malformed`, with the byte, when the text is not JSON or not an object.
  /// - Complexity: O(bytes).
  public init(parsing bytes: [UInt8]) throws(CheckpointError) {
    let value = try JSONValue(parsing: bytes)
    guard let document = value.object else {
      throw .malformed("a config must be a JSON object, but this is \(value.kindName)", at: 0)
    }
    self.document = document
  }

  /// Reads and decodes a file.
  ///
  /// - Throws: as `init(parsing:)`, and `missing` or `system` when it cannot be read.
  public init(path: String) throws(CheckpointError) {
    try self.init(InputFile(path: path))
  }

  /// Decodes an open file.
  ///
  /// - Throws: as `init(path:)`.
  public init(_ file: InputFile) throws(CheckpointError) {
    do throws(CheckpointError) {
      let bytes = try file.readAll(limit: JSONLimits.byteCount)
      let key = RecentBytes(bytes)
      if let config = Self.recent[key] {
        self = config
      } else {
        try self.init(parsing: bytes)
        if bytes.count <= Self.recentByteCount { Self.recent.keep(self, of: key) }
      }
    } catch {
      throw error.inFile(file.path)
    }
  }

  /// The last configs that were read: the adapters of a tree often have the same.
  private static let recent = RecentValues<RecentBytes, AdapterConfig>(capacity: 4)
  /// The largest size of a config that is kept, in bytes.
  private static let recentByteCount = 1 << 14

  /// The bytes that PEFT writes for this config: keys sorted, two spaces, no newline at the end.
  public func encoded() -> [UInt8] {
    JSONValue.object(document).encoded(.python())
  }

  /// The value of a field, or PEFT's default when its key is absent.
  ///
  /// - Throws: `mismatch` when the key contains JSON of another type.
  public func value<Value>(
    _ field: ConfigField<Value>
  ) throws(CheckpointError) -> Value {
    try field.value(in: document)
  }

  /// Sets a field.
  public mutating func set<Value>(_ field: ConfigField<Value>, to value: Value) {
    document[field.key] = value.json
  }
}

/// The fields that every config has (PEFT's `PeftConfigMixin` and `PeftConfig`).
public enum BaseConfigFields {
  /// The method.
  public static let peftType = ConfigField<String?>("peft_type", default: nil)
  /// The task, spelled as `TaskType`.
  public static let taskType = ConfigField<String?>("task_type", default: nil)
  /// The model that the adapter was trained on.
  public static let baseModel = ConfigField<String?>("base_model_name_or_path", default: nil)
  /// The revision of that model.
  public static let revision = ConfigField<String?>("revision", default: nil)
  /// Whether the adapter is for inference only; saved as true.
  public static let inferenceMode = ConfigField<Bool>("inference_mode", default: false)
  /// The class of a model without a task type.
  public static let autoMapping = ConfigField<JSONObject?>("auto_mapping", default: nil)
  /// The release that wrote the config; absent before 0.18.
  public static let peftVersion = ConfigField<String?>("peft_version", default: nil)
  /// Modules that are trained and saved whole.
  public static let modulesToSave = ConfigField<[String]?>("modules_to_save", default: nil)
}

extension AdapterConfig {
  /// The method.
  ///
  /// - Throws: `missing` when `peft_type` is absent or null, `mismatch` when it is not a string.
  public var peftType: PEFTType {
    get throws(CheckpointError) {
      guard let name = try value(BaseConfigFields.peftType) else {
        throw CheckpointError(
          .missing, "has no \"peft_type\", so PEFT cannot load it",
          hint: "is this the config.json of the base model?")
      }
      return PEFTType(rawValue: name)
    }
  }

  /// The modules that the adapter saves whole: those that the config lists, and the heads of its
  /// task, which PEFT adds to every list. Duplicates are removed.
  ///
  /// - Throws: `mismatch` when `modules_to_save` is not a list of strings.
  public var savedModules: [String] {
    get throws(CheckpointError) {
      let listed = try value(BaseConfigFields.modulesToSave) ?? []
      // PEFT saves the list with the heads, and adds them again whenever it loads the list.
      var seen: Set<UTF8Text> = []
      return try (listed + headModules).filter { seen.insert(UTF8Text($0)).inserted }
    }
  }

  /// The heads that PEFT adds for the task; a base model has one of them.
  ///
  /// - Throws: `mismatch` when `task_type` is not a string.
  public var headModules: [String] {
    get throws(CheckpointError) {
      try value(BaseConfigFields.taskType).flatMap(TaskType.init(rawValue:))?.headModules ?? []
    }
  }
}
