// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// A harmless difference between an index and its shards (spec/shards.md, H11, H14, H15).
public enum ShardNote: Sendable, Hashable {
  /// A tensor of a shard that is not in the index. It is loaded like the others.
  case unlisted(TensorName, file: String)
  /// The metadata of the shards differ; only the common part is kept.
  case metadataDiffers
  /// The index lists shards that are gone; it gave way to one of the shards that are there.
  case stale(missing: [String])
  /// `total_size` is not the size of the tensors.
  case byteCount(stated: Int, found: Int)
}

extension ShardNote: CustomStringConvertible {
  /// The difference, on one line for a terminal.
  public var description: String {
    switch self {
    case .unlisted(let name, let file):
      "the index does not list \"\(name.string.excerpt)\", which is in \(file.printable)"
    case .stale(let missing):
      "the index is of shards that are gone, such as \(missing.first?.printable ?? ""); the shards in "
        + "the directory have all its tensors"
    case .metadataDiffers:
      "the metadata of the shards differ; the common part is kept"
    case .byteCount(let stated, let found):
      "the index gives total_size as \(stated) bytes, but the tensors have \(found)"
    }
  }
}
