// SPDX-License-Identifier: Apache-2.0
public import Files

/// A part of a tree that is converted separately.
public struct ConversionUnit: Sendable {
  /// The kind of a unit.
  public enum Kind: String, Sendable, CaseIterable {
    /// An adapter directory, with everything in it.
    case adapter
    /// A model directory, with everything in it.
    case model
    /// A checkpoint that several processes saved into a directory, and that becomes a file in it.
    case distributed
    /// A checkpoint file.
    case file
    /// A file that is copied, since it belongs to the checkpoint files next to it.
    case copy
  }

  /// The kind of the unit.
  public let kind: Kind
  /// The path of the unit, below the root of the tree.
  public let source: RelativePath
  /// The path of its output, below the root of the outputs.
  public let destination: RelativePath
  /// The files whose sizes and times show whether the unit has changed, below the root of the tree.
  let weights: [RelativePath]
  /// The listing of the directory when the walk reached it; nil for a file or a copy.
  let listing: DirectoryListing?
}
