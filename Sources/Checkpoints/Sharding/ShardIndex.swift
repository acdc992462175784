public import JSONDocument
public import Tensors

/// Which shard holds which tensor: a `model.safetensors.index.json` (spec/shards.md, H1 to H7).
public struct ShardIndex: Sendable, Hashable {
  /// A tensor and its shard.
  public struct Entry: Sendable, Hashable {
    /// The tensor, listed once.
    public let name: TensorName
    /// The place of its shard in `fileNames`.
    public let file: Int

    /// Assigns a tensor.
    public init(name: TensorName, file: Int) {
      self.name = name
      self.file = file
    }
  }

  /// What the index says of the whole, with all its keys in their order; nil when it says nothing.
  public let metadata: JSONObject?
  /// The shards, each once, in the order of their bytes. They are bare names of files that stand
  /// beside the index.
  public let fileNames: [String]
  /// `weight_map`, in its order.
  public let entries: [Entry]

  /// What the name of an index ends with.
  public static let nameSuffix = ".index.json"

  /// Makes an index of parts that fit.
  init(metadata: JSONObject?, fileNames: [String], entries: [Entry]) {
    self.metadata = metadata
    self.fileNames = fileNames
    self.entries = entries
  }

  /// The bytes of all tensors, as `total_size` gives them; nil where it is not a whole number.
  ///
  /// Nothing reads it, and it need not be true.
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
