public import Tensors

/// A difference between an index and its shards that readers do not mind (spec/shards.md, H11, H14,
/// H15).
public enum ShardNote: Sendable, Hashable {
  /// A tensor in a shard that the index does not list. It is loaded like the others.
  case unlisted(TensorName, file: String)
  /// The shards say different things of themselves, of which only the common part is kept.
  case metadataDiffers
  /// `total_size` is not the bytes of the tensors.
  case byteCount(stated: Int, found: Int)
}

extension ShardNote: CustomStringConvertible {
  /// What differs, on one line fit for a terminal.
  public var description: String {
    switch self {
    case .unlisted(let name, let file):
      "the index does not list \"\(name.string.excerpt)\", which stands in \(file.printable)"
    case .metadataDiffers:
      "the metadata of the shards differ; what they have in common is kept"
    case .byteCount(let stated, let found):
      "the index gives total_size as \(stated) bytes, and the tensors have \(found)"
    }
  }
}
