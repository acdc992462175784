// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import DistributedCheckpoint
internal import Files
internal import Tensors

/// The contents of an index's shards, collected as they are opened and checked against the index.
struct ShardTable {
  /// The path of the index, for messages.
  let path: String
  let index: ShardIndex
  private(set) var shards: [any TensorArchive] = []
  /// The index of each shard's first tensor among all tensors.
  private(set) var starts: [Int] = []
  private(set) var places: [TensorName: Int] = [:]
  private(set) var skipped: [SkippedItem] = []
  /// The shard of each skipped item.
  private var skippedShards: [TensorName: Int] = [:]

  init(path: String, index: ShardIndex) {
    self.path = path
    self.index = index
    places.reserveCapacity(index.entries.count)
  }

  /// The shard of a tensor.
  func shard(of place: Int) -> Int {
    // The last shard that starts at or before it; an empty shard starts where the next one does.
    var low = 0
    var high = starts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= place { low = middle } else { high = middle }
    }
    return low
  }

  /// Adds the next shard.
  ///
  /// - Throws: `unsupported` for a format that has no shards and for a file of slices, `mismatch`
  ///   for another format than the first one's and for a name that an earlier shard holds.
  mutating func append(_ archive: any TensorArchive) throws(CheckpointError) {
    let number = shards.count
    try checkFormat(of: archive)
    if let part = CheckpointPart(archive) { throw part.refusal(path: archive.path) }
    starts.append(places.count)
    shards.append(archive)
    for local in 0..<archive.tensorCount {
      let name = archive.tensor(at: local).name
      if let other = places.updateValue(starts[number] + local, forKey: name) {
        throw twice(name, shard(of: other), number)
      }
      if let other = skippedShards[name] { throw twice(name, other, number) }
    }
    for item in archive.skipped {
      if let other = skippedShards.updateValue(number, forKey: item.name) {
        throw twice(item.name, other, number)
      }
      if let other = places[item.name] { throw twice(item.name, shard(of: other), number) }
      skipped.append(item)
    }
  }

  private func checkFormat(of archive: any TensorArchive) throws(CheckpointError) {
    guard archive.variant.canBeShard else {
      throw CheckpointError(
        .unsupported, "cannot be a shard: its format is \(archive.variant.name)",
        path: archive.path)
    }
    if let first = shards.first, first.variant != archive.variant {
      throw CheckpointError(
        .mismatch,
        "is a shard in the format \(archive.variant.name), and \(index.fileNames[0]) is "
          + "\(first.variant.name)", path: archive.path)
    }
  }

  private func twice(_ name: TensorName, _ one: Int, _ other: Int) -> CheckpointError {
    CheckpointError(
      .mismatch, "is in two shards, \(index.fileNames[one]) and \(index.fileNames[other])",
      path: path, tensor: name)
  }

  /// Checks that every tensor is in the shard that the index names.
  ///
  /// - Returns: the indices of the tensors that are not in the index.
  /// - Throws: `mismatch` for a tensor in another shard, `missing` for one in none.
  func checkEntries() throws(CheckpointError) -> [Int] {
    var listedCount = 0
    for entry in index.entries {
      let expected = index.fileNames[entry.file]
      let place = places[entry.name]
      if place != nil { listedCount += 1 }
      guard let found = place.map(shard(of:)) ?? skippedShards[entry.name] else {
        throw CheckpointError(
          .missing, "is not in \(expected), where the index places it", path: path,
          tensor: entry.name)
      }
      guard found == entry.file else {
        throw CheckpointError(
          .mismatch, "is in \(index.fileNames[found]), but the index says \(expected)", path: path,
          tensor: entry.name)
      }
    }
    guard listedCount < places.count else { return [] }
    let listed = Set(index.entries.map(\.name))
    return places.filter { !listed.contains($0.key) }.map(\.value).sorted()
  }

  /// The index that lists every tensor of the shards.
  var completeIndex: ShardIndex {
    ShardIndex(
      metadata: index.metadata, fileNames: index.fileNames,
      entries: places.sorted { $0.value < $1.value }.map { name, place in
        ShardIndex.Entry(name: name, file: shard(of: place))
      })
  }

  /// The metadata that all shards have in common, in the order of the first one.
  ///
  /// - Returns: nil when a shard has none; and whether any entry is left out.
  func commonMetadata() -> (metadata: ArchiveMetadata?, isPartial: Bool) {
    let all = shards.compactMap(\.metadata)
    guard let first = all.first, all.count == shards.count else { return (nil, !all.isEmpty) }
    var entries = first.entries
    for metadata in all.dropFirst() {
      let values = Dictionary(
        uniqueKeysWithValues: metadata.entries.map { ($0.key, UTF8Text($0.value)) })
      entries.removeAll { values[$0.key] != UTF8Text($0.value) }
    }
    return (ArchiveMetadata(entries), all.contains { $0.entries.count > entries.count })
  }
}
