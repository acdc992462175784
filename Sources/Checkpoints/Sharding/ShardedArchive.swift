// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
public import Tensors

/// The shards of an index, open as one archive (spec/shards.md, H8 to H16).
///
/// All shards stay open. Tensors are in the order of the shards' names, as transformers loads them,
/// then in the order of each file.
public final class ShardedArchive: ForwardingArchive {
  /// The path of the index as it was given.
  public let path: String
  /// The index.
  public let index: ShardIndex
  /// The format of the shards, the same for all.
  public var format: any CheckpointFormat { table.shards[0].format }
  /// The variant of the format, the same for all shards.
  public var variant: FormatVariant { table.shards[0].variant }
  /// The metadata that all shards have in common; nil when one of them has none.
  public let metadata: ArchiveMetadata?
  /// The skipped items of all shards, shard after shard.
  public var skipped: [SkippedItem] { table.skipped }
  /// The harmless differences between the index and its shards.
  public let shardNotes: [ShardNote]
  /// The same, as text, and the notes of shards that ask Python to run code.
  public var notes: [String] {
    let shards = table.shards.filter { $0.codeRequest != nil }
    return shardNotes.map(\.description)
      + shards.flatMap { shard in shard.notes.map { "\(shard.path.excerpt): \($0)" } }
  }
  /// The request of the first shard that asks Python to run code.
  public var codeRequest: CheckpointError? {
    table.shards.lazy.compactMap(\.codeRequest).first
  }
  /// The defects of the index.
  public var defects: [ArchiveDefect] { index.metadata == nil ? [.indexWithoutMetadata] : [] }

  private let table: ShardTable

  /// Opens an index and its shards; no tensor data is read.
  ///
  /// - Throws: what `ShardIndex` and `Checkpoint.open` throw, with the path of the shard; `missing`
  ///   or `mismatch`, naming the tensor, when it is not in the shard that the index names or is in
  ///   two shards; `mismatch` when shards have different formats.
  /// - Complexity: O(index + headers of the shards).
  public convenience init(path: String) throws(CheckpointError) {
    try self.init(InputFile(path: path))
  }

  /// Opens the shards next to an open index.
  ///
  /// - Parameters:
  ///   - file: the index.
  ///   - replacesStaleIndex: whether an index of shards that are gone gives way to one of the
  ///     shards that are there, if these are complete (spec/shards.md, H34).
  /// - Throws: as `init(path:)`.
  public init(
    _ file: InputFile, replacesStaleIndex: Bool = false
  ) throws(CheckpointError) {
    let path = file.path
    var index = try ShardIndex(file)
    let stale = index
    let present = replacesStaleIndex ? Self.replacement(for: index, at: path) : nil
    if let present {
      index = ShardIndex(metadata: index.metadata, fileNames: present, entries: [])
    }
    var table = ShardTable(path: path, index: index)
    for name in index.fileNames {
      do throws(CheckpointError) {
        try table.append(CheckpointFormats.open(InputFile(path: Self.path(of: name, beside: path))))
      } catch {
        throw error.code == .missing ? Self.missingShards(of: index, at: path) ?? error : error
      }
    }
    var unlisted: [Int] = []
    if present == nil {
      unlisted = try table.checkEntries()
    } else {
      guard stale.entries.allSatisfy({ table.places[$0.name] != nil }) else {
        throw Self.missingShards(of: stale, at: path)
          ?? CheckpointError(.missing, "changed while it was read", path: path)
      }
      index = table.completeIndex
    }
    let (metadata, isPartial) = table.commonMetadata()
    self.path = path
    self.index = index
    self.table = table
    self.metadata = metadata

    var notes = unlisted.map { place in
      let shard = table.shard(of: place)
      return ShardNote.unlisted(
        table.shards[shard].tensor(at: place - table.starts[shard]).name,
        file: index.fileNames[shard])
    }
    if present != nil { notes.append(.stale(missing: stale.fileNames)) }
    if isPartial { notes.append(.metadataDiffers) }
    if let stated = index.statedByteCount, let found = Self.byteCount(of: table.shards),
      stated != found
    {
      notes.append(.byteCount(stated: stated, found: found))
    }
    shardNotes = notes
  }

  /// The path of a name next to another path. When that is a link, the shards are next to the link.
  static func path(of name: String, beside path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return name }
    return String(path[...slash]) + name
  }

  /// The size of all tensors in bytes, without aliases, as `total_size` counts them.
  ///
  /// - Returns: nil beyond `Int`, which is possible for views that repeat their data.
  private static func byteCount(of shards: [any TensorArchive]) -> Int? {
    var total = 0
    for shard in shards {
      for index in 0..<shard.tensorCount where shard.alias(of: index) == nil {
        let (sum, overflow) = total.addingReportingOverflow(shard.tensor(at: index).byteCount)
        guard !overflow else { return nil }
        total = sum
      }
    }
    return total
  }

  /// The number of tensors of all shards.
  public var tensorCount: Int { table.places.count }

  /// The shard that contains a tensor, and its index there. The `dataOffsets` of a tensor are those
  /// in its shard.
  ///
  /// - Complexity: O(log shards).
  public func source(of index: Int) -> (archive: any TensorArchive, index: Int) {
    precondition(index >= 0 && index < tensorCount, "a tensor's index must be in range")
    let shard = table.shard(of: index)
    return (table.shards[shard], index - table.starts[shard])
  }

  /// The bytes of a tensor's data, as its shard has them.
  public func storedBytes(of index: Int) -> (file: InputFile, range: Range<Int>)? {
    let (shard, local) = source(of: index)
    return shard.storedBytes(of: local)
  }

  /// The index of the tensor with this name.
  ///
  /// - Complexity: O(length of the name).
  public func index(of name: TensorName) -> Int? { table.places[name] }

  /// The first tensor that is the same view; it is in the same shard.
  public func alias(of index: Int) -> Int? {
    let (shard, local) = source(of: index)
    return shard.alias(of: local).map { index - local + $0 }
  }

  /// The shards, in the order of their names.
  public var files: [InputFile] { table.shards.flatMap(\.files) }

  /// The shards that contain some tensors, in the order of their names.
  ///
  /// - Complexity: O(n · log shards).
  public func files(holding tensors: [Int]) -> [InputFile] {
    Set(tensors.map { table.shard(of: $0) }).sorted().flatMap { table.shards[$0].files }
  }
}
