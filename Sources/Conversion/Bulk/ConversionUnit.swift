public import Files

/// Something in a tree that is converted by itself.
public struct ConversionUnit: Sendable {
  /// What it is.
  public enum Kind: String, Sendable, CaseIterable {
    /// An adapter directory, all that is in it included.
    case adapter
    /// A directory with the index of a model's shards, all that is in it included.
    case model
    /// A checkpoint file.
    case file
    /// A file that is copied, since it belongs to the checkpoint files next to it.
    case copy
  }

  /// What it is.
  public let kind: Kind
  /// Where it stands, below the root of the tree.
  public let source: RelativePath
  /// Where its output will stand, below the root of the outputs.
  public let destination: RelativePath
  /// The files whose sizes and times tell whether it has changed, below the root of the tree.
  let weights: [RelativePath]
  /// What the directory held when the walk came to it, a moment before it is converted; nil for a file or a copy.
  let listing: DirectoryListing?
}
