public import Archives
public import Files
public import Tensors

/// What a conversion is asked to do.
public struct ConversionOptions: Sendable {
  /// The format of the checkpoints that are written, with its settings.
  public var format: any CheckpointFormat
  /// Which tensors are converted, and what they are called then.
  public var selection = TensorSelection()
  /// The dtypes that tensors are converted to; the last rule for a tensor decides.
  public var casts: [CastRule] = []
  /// What becomes of `__metadata__`.
  public var metadata = MetadataChange()
  /// The bytes of tensors that one file may have; nil does not limit them, and leaves the shards of
  /// a model as they are.
  public var shardByteCount: Int?
  /// Whether the adapters and models in directories inside a directory are converted too, and not
  /// copied.
  public var convertsInnerDirectories = false
  /// Whether a tensor that is the very same view as an earlier one is left out; `__metadata__` then
  /// maps its name to that of the other, as the reference converter does.
  public var dropsAliases = false
  /// Whether tensors that the format cannot hold are left out; otherwise they are refused.
  public var skipsUnsupported = false
  /// Whether somebody has made sure that source and destination do not lie in one another.
  var isKnownApart = false
  /// Whether existing outputs are replaced, and whether outputs are flushed.
  public var policy: OutputPolicy

  /// Asks for a format, with the defaults for all else.
  public init(format: any CheckpointFormat, policy: OutputPolicy = OutputPolicy()) {
    self.format = format
    self.policy = policy
  }
}

/// A change of what a file says of itself.
public struct MetadataChange: Sendable, Hashable {
  /// Whether what the source says is left out.
  public var drops = false
  /// What is said then, replacing what is said under the same keys.
  public var entries: [ArchiveMetadata.Entry] = []

  /// Changes nothing.
  public init() {}

  /// Whether it changes nothing.
  public var isEmpty: Bool { !drops && entries.isEmpty }

  /// The metadata after the change; nil when nothing is said.
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
