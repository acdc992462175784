public import Archives
public import Files
public import Tensors

/// What a conversion leaves out or changes, for its user to know.
public struct ConversionReport: Sendable {
  /// A tensor that is left out because it is the same as another.
  public struct Alias: Sendable, Hashable {
    /// The tensor that is left out.
    public let name: TensorName
    /// The tensor that stands for it.
    public let kept: TensorName
  }

  /// A tensor that the format holds as another dtype, its bits unchanged.
  public struct StandIn: Sendable, Hashable {
    /// The tensor.
    public let name: TensorName
    /// What its elements are.
    public let dtype: DType
    /// What they are called in the file.
    public let writtenAs: DType
  }

  /// A file of weights, or an index, that is left out because it is not loaded.
  public struct SupersededFile: Sendable, Hashable {
    /// The file, below the directory that is converted.
    public let path: RelativePath
    /// The name of the file that is loaded instead.
    public let loadedName: String
    /// The library that loads it.
    public let loader: String
  }

  /// What is no tensor, and tensors that the format cannot hold.
  public internal(set) var skipped: [SkippedItem] = []
  /// Weights files and indexes next to those that are converted, which are not loaded.
  public internal(set) var supersededFiles: [SupersededFile] = []
  /// The notes of the source archives.
  public internal(set) var sourceNotes: [String] = []
  /// The same tensors under second names.
  public internal(set) var aliases: [Alias] = []
  /// Tensors whose dtype the format does not have.
  public internal(set) var standIns: [StandIn] = []
  /// Keys of `__metadata__` that the format cannot hold.
  public internal(set) var droppedMetadata: [UTF8Text] = []
  /// The patterns that stand for no tensor of any part, each a sentence; nil before there is a part.
  public internal(set) var idlePatterns: [String]?

  /// Adds what another part of the conversion leaves out.
  static func += (left: inout Self, right: Self) {
    left.skipped += right.skipped
    left.supersededFiles += right.supersededFiles
    left.sourceNotes += right.sourceNotes
    left.aliases += right.aliases
    left.standIns += right.standIns
    left.droppedMetadata += right.droppedMetadata
    let idle = right.idlePatterns ?? []
    left.idlePatterns = left.idlePatterns?.filter(idle.contains) ?? right.idlePatterns
  }
}
