// SPDX-License-Identifier: Apache-2.0
public import Files
internal import JSONDocument
public import Tensors

extension ShardIndex {
  /// Decodes an index.
  ///
  /// - Throws: `malformed`, with byte or tensor, for text that is not JSON, duplicate keys, values
  ///   of the wrong kind, and shards that are not plain file names; `missing` without a
  ///   `weight_map`; `unsupported` beyond `JSONLimits`.
  /// - Complexity: O(bytes), and the sorting of the shards' names.
  public init(parsing bytes: [UInt8]) throws(CheckpointError) {
    let value = try JSONValue(parsing: bytes)
    guard let document = value.object else {
      throw .malformed("an index must be a JSON object, not \(value.kindName)", at: 0)
    }
    guard let map = document["weight_map"] else {
      throw CheckpointError(.missing, "is not an index of shards: it has no \"weight_map\"")
    }
    guard let members = map.object else {
      throw .malformed("\"weight_map\" must be an object, not \(map.kindName)")
    }
    guard !members.isEmpty else {
      throw .malformed("\"weight_map\" is empty")
    }
    let metadata = document["metadata"] ?? .null
    guard metadata.isNull || metadata.object != nil else {
      throw .malformed("\"metadata\" must be an object, not \(metadata.kindName)")
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

  /// Reads and decodes an open file.
  ///
  /// - Throws: as `init(parsing:)`, and `system` when it cannot be read.
  public init(_ file: InputFile) throws(CheckpointError) {
    do throws(CheckpointError) {
      try self.init(parsing: file.readAll(limit: JSONLimits.byteCount))
    } catch {
      throw error.inFile(file.path)
    }
  }

  /// The shard's name, which must not be a path on this system or on Windows: an index may only
  /// refer to files next to it.
  private static func fileName(_ value: JSONValue) throws(CheckpointError) -> String {
    guard let name = value.string else {
      throw .malformed("the shard of a tensor must be a string, not \(value.kindName)")
    }
    guard name.isPlainFileName else {
      throw .malformed(
        "the shard \"\(name.excerpt)\" is not the plain name of a file next to the index")
    }
    return name
  }
}
