// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
public import Tensors

/// What a conversion leaves out or changes.
public struct ConversionReport: Sendable {
  /// A tensor that is left out because it is the same view as another.
  public struct Alias: Sendable, Hashable {
    /// The tensor that is left out.
    public let name: TensorName
    /// The tensor that is kept.
    public let kept: TensorName
  }

  /// A tensor that is written as another dtype with the same bits.
  public struct Substitution: Sendable, Hashable {
    /// The tensor.
    public let name: TensorName
    /// Its dtype.
    public let dtype: DType
    /// The dtype in the file.
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

  /// Selected items that are not tensors, and tensors that the format cannot hold.
  public internal(set) var skipped: [SkippedItem] = []
  /// Weights files and indexes next to those that are converted, which are not loaded.
  public internal(set) var supersededFiles: [SupersededFile] = []
  /// The notes of the source archives.
  public internal(set) var sourceNotes: [String] = []
  /// Second names of the same tensors.
  public internal(set) var aliases: [Alias] = []
  /// Tensors whose dtype the format lacks.
  public internal(set) var substitutions: [Substitution] = []
  /// Keys of `__metadata__` that the format cannot hold.
  public internal(set) var droppedMetadata: [UTF8Text] = []
  /// The state of an optimizer that is converted with the model; nil when patterns select tensors.
  public internal(set) var optimizer: OptimizerState?
  /// Whether a file of a tree was copied, since it contains no tensors.
  public internal(set) var isCopyWithoutTensors = false
  /// The patterns that have no effect on any part; nil before there is a part.
  public internal(set) var unmatchedPatterns: [UnmatchedPattern]?

  /// Adds the report of another part of the conversion.
  static func += (left: inout Self, right: Self) {
    left.skipped += right.skipped
    left.supersededFiles += right.supersededFiles
    left.sourceNotes += right.sourceNotes
    left.aliases += right.aliases
    left.substitutions += right.substitutions
    left.droppedMetadata += right.droppedMetadata
    left.optimizer = left.optimizer ?? right.optimizer
    let unmatched = right.unmatchedPatterns ?? []
    left.unmatchedPatterns =
      left.unmatchedPatterns?.filter(unmatched.contains) ?? right.unmatchedPatterns
  }
}
