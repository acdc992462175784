public import Files
public import Tensors

/// What a conversion left out, for its user to know.
public struct ConversionReport: Sendable {
  /// A tensor that was left out because it is the same as another.
  public struct Alias: Sendable, Hashable {
    /// The tensor that was left out.
    public let name: TensorName
    /// The tensor that stands for it.
    public let kept: TensorName
  }

  /// What is no tensor, and tensors that the format cannot hold.
  public internal(set) var skipped: [SkippedItem] = []
  /// The same tensors under second names.
  public internal(set) var aliases: [Alias] = []
}
