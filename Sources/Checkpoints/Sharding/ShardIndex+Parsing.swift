public import Files
internal import JSONDocument
public import Tensors

extension ShardIndex {
  /// Decodes an index.
  ///
  /// - Throws: `malformed`, with byte or tensor, for text that is not JSON, a key that stands
  ///   twice, values of the wrong kind, and shards that are not bare file names; `missing` without
  ///   a `weight_map`; `unsupported` beyond `JSONLimits`.
  /// - Complexity: O(bytes), and the sorting of the shards' names.
  public init(parsing bytes: [UInt8]) throws(CheckpointError) {
    let value = try JSONValue(parsing: bytes)
    guard let document = value.object else {
      throw .malformed("an index must be a JSON object, and this is \(value.kindName)", at: 0)
    }
    guard let map = document["weight_map"] else {
      throw CheckpointError(.missing, "has no \"weight_map\", so that it is no index of shards")
    }
    guard let members = map.object else {
      throw .malformed("\"weight_map\" must be an object, and is \(map.kindName)")
    }
    guard !members.isEmpty else {
      throw .malformed("\"weight_map\" is empty, so that there are no shards")
    }
    let metadata = document["metadata"] ?? .null
    guard metadata.isNull || metadata.object != nil else {
      throw .malformed("\"metadata\" must be an object, and is \(metadata.kindName)")
    }
    let files = try members.map { member throws(CheckpointError) in
      do throws(CheckpointError) {
        return try Self.fileName(member.value)
      } catch {
        throw error.naming(tensor: TensorName(member.key))
      }
    }
    // Names of files compare by bytes too.
    let order = Set(files.map { UTF8Text($0) }).sorted()
    let places = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0) })
    self.init(
      metadata: metadata.object, fileNames: order.map(\.string),
      entries: zip(members, files).compactMap { member, file in
        places[UTF8Text(file)].map { Entry(name: TensorName(member.key), file: $0) }
      })
  }

  /// Reads and decodes a file.
  ///
  /// - Throws: as `init(parsing:)`, and `missing` or `system` when it cannot be read.
  public init(path: String) throws(CheckpointError) {
    try self.init(InputFile(path: path))
  }

  /// Reads and decodes a file that is open already.
  ///
  /// - Throws: as `init(parsing:)`, and `system` when it cannot be read.
  public init(_ file: InputFile) throws(CheckpointError) {
    do throws(CheckpointError) {
      try self.init(parsing: file.readAll(limit: JSONLimits.byteCount))
    } catch {
      throw error.inFile(file.path)
    }
  }

  /// A path leads out of the directory, or into another one, on this system or on Windows: an index
  /// comes with its shards, and must not reach for other files.
  private static func fileName(_ value: JSONValue) throws(CheckpointError) -> String {
    guard let name = value.string else {
      throw .malformed("the shard of a tensor must be a string, and is \(value.kindName)")
    }
    guard isBareFileName(name) else {
      throw .malformed(
        "the shard \"\(name.excerpt)\" is not the bare name of a file beside the index")
    }
    return name
  }

  /// Whether text names a file in the directory itself, whatever the system.
  static func isBareFileName(_ name: String) -> Bool {
    let isPath = name.utf8.contains { byte in
      byte == 0 || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "\\")
    }
    // `C:weights` is a path on a drive.
    let hasDrive = name.unicodeScalars.dropFirst().first == ":"
    return !isPath && !hasDrive && !["", ".", ".."].contains(name)
  }
}
