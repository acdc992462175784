// SPDX-License-Identifier: Apache-2.0
public import JSONDocument
public import Tensors

/// The index of a sharded checkpoint, which assigns tensors to shards: a
/// `model.safetensors.index.json` (spec/shards.md, H1 to H7).
public struct ShardIndex: Sendable, Hashable {
  /// A tensor and its shard.
  public struct Entry: Sendable, Hashable {
    /// The tensor, listed once.
    public let name: TensorName
    /// The index of its shard in `fileNames`.
    public let file: Int

    /// Assigns a tensor to a shard.
    public init(name: TensorName, file: Int) {
      self.name = name
      self.file = file
    }
  }

  /// The object `metadata`, with all keys in their order; nil when it is absent or null.
  public let metadata: JSONObject?
  /// The shards, each once, in the order of their bytes. They are plain names of files next to the
  /// index.
  public let fileNames: [String]
  /// `weight_map`, in its order.
  public let entries: [Entry]

  /// The suffix of an index's name.
  public static let nameSuffix = ".index.json"

  /// Creates an index of consistent parts.
  init(metadata: JSONObject?, fileNames: [String], entries: [Entry]) {
    self.metadata = metadata
    self.fileNames = fileNames
    self.entries = entries
  }

  /// The number of bytes of all tensors according to `total_size`; nil unless it is a whole number.
  ///
  /// Loaders ignore it, and it may be wrong.
  public var statedByteCount: Int? {
    switch metadata?["total_size"] {
    case .integer(let value): Int(exactly: value)
    case .float(let value): Int(exactly: value)
    default: nil
    }
  }

  /// The bytes that transformers writes: keys sorted, two spaces, a newline at the end.
  ///
  /// - Complexity: O(n log n) for n tensors.
  public func encoded() -> [UInt8] {
    var document = JSONObject()
    if let metadata { document["metadata"] = .object(metadata) }
    document["weight_map"] = .object(
      JSONObject(
        uniqueKeysWithValues: entries.map { ($0.name.string, .string(fileNames[$0.file])) }))
    return JSONValue.object(document).encoded(.python()) + [UInt8(ascii: "\n")]
  }
}
