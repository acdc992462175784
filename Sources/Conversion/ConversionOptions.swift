// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
public import JSONDocument
package import PEFT
public import Tensors

/// The options of a conversion.
public struct ConversionOptions: Sendable {
  /// The format of the checkpoints that are written, with its settings.
  public var format: any CheckpointFormat
  /// The tensors that are converted, and their new names.
  public var selection = TensorSelection()
  /// The casts of tensors; the last rule that applies to a tensor decides.
  public var casts: [CastRule] = []
  /// The change of `__metadata__`.
  public var metadata = MetadataChange()
  /// The changes of an adapter's config, in order.
  public var configChanges: [ConfigChange] = []
  /// What is done to the model; nil for a plain conversion. The source must be a model then.
  public var modelChange: (any ModelChange)?
  /// The largest size of the tensors of a file, in bytes; nil for no limit, which keeps the shards
  /// of a model.
  public var shardByteCount: Int?
  /// Whether the adapters and models in subdirectories are converted instead of copied.
  public var convertsInnerDirectories = false
  /// Whether a tensor that is the same view as an earlier one is left out; `__metadata__` then maps
  /// its name to that of the other, as the reference converter does.
  public var dropsAliases = false
  /// Whether tensors that the format cannot hold are left out; otherwise they are refused.
  public var skipsUnsupported = false
  /// Whether an index of shards that are gone gives way to one of the shards that are there
  /// (spec/shards.md, H34).
  package var replacesStaleIndexes = false
  /// Whether a source that asks Python to run code is refused; otherwise it is read as far as its
  /// tensors are certain, and nothing is run.
  public var refusesCode = false
  /// Whether an output without tensors is written; otherwise it is refused.
  public var allowsEmpty = false
  /// Whether existing outputs are replaced, and whether outputs are flushed.
  public var policy: OutputPolicy

  /// Creates options for a format, with the defaults for all others.
  public init(format: any CheckpointFormat, policy: OutputPolicy = OutputPolicy()) {
    self.format = format
    self.policy = policy
  }
}

/// A change of a key of an adapter's config.
public enum ConfigChange: Sendable, Hashable {
  /// The key gets a value.
  case set(String, to: JSONValue)
  /// The key is removed.
  case remove(String)

  /// Makes the change.
  package func apply(to config: inout AdapterConfig) {
    switch self {
    case .set(let key, let value): config.document[key] = value
    case .remove(let key): config.document.removeValue(forKey: key)
    }
  }
}

/// A change of a file's metadata.
public struct MetadataChange: Sendable, Hashable {
  /// Whether the metadata of the source is dropped.
  public var drops = false
  /// The entries to set, replacing those with the same keys.
  public var entries: [ArchiveMetadata.Entry] = []

  /// Creates a change that changes nothing.
  public init() {}

  /// Whether the change changes nothing.
  public var isEmpty: Bool { !drops && entries.isEmpty }

  /// The metadata after the change; nil for none.
  func applied(to metadata: ArchiveMetadata?) -> ArchiveMetadata? {
    guard !isEmpty else { return metadata }
    var changed = drops ? nil : metadata
    for entry in entries {
      changed = changed ?? [:]
      changed?[entry.key] = entry.value
    }
    return changed
  }
}
