// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Tensors

extension ShardedArchive {
  /// The most names that an error lists.
  private static let listedCount = 4

  /// The error that shards are missing, all of them in one; nil when none is missing after all.
  static func missingShards(of index: ShardIndex, at path: String) -> CheckpointError? {
    let missing = index.fileNames.filter {
      PathKind.existing(Self.path(of: $0, beside: path)) == nil
    }
    guard let first = missing.first else { return nil }
    let message =
      missing.count == 1
      ? "its shard \(first.printable) is missing"
      : "\(missing.count) of its \(index.fileNames.count) shards are missing: \(list(missing))"
    let others = others(of: index, at: path)
    let error = CheckpointError(.missing, message, path: path)
    if others.isEmpty {
      return HubSnapshot.explaining(error, missing: [], in: path)
        .hinting("download the missing files")
    }
    return error.hinting(
      "the directory has \(list(others)), which the index does not name: the index is of another "
        + "version of the checkpoint; download it again")
  }

  /// The shards to open in place of those of a stale index: none of these exists, and the directory has
  /// all shards of one other division, and no others. Nil otherwise.
  static func replacement(for index: ShardIndex, at path: String) -> [String]? {
    let isStale = index.fileNames.allSatisfy {
      PathKind.existing(Self.path(of: $0, beside: path)) == nil
    }
    guard isStale else { return nil }
    let others = Set(others(of: index, at: path).map { UTF8Text($0) })
    return ShardNaming.models.lazy.map { naming in
      (0..<others.count).map { naming.shardName($0, of: others.count) }
    }.first { !$0.isEmpty && Set($0.map { UTF8Text($0) }) == others }
  }

  /// Shards in the directory that the index does not name: those of another division.
  private static func others(of index: ShardIndex, at path: String) -> [String] {
    let place = Self.path(of: ".", beside: path)
    let named = Set(index.fileNames.map { UTF8Text($0) })
    return ((try? DirectoryTree.files(in: place)) ?? []).filter { name in
      !name.hasSuffix(ShardIndex.nameSuffix) && !named.contains(UTF8Text(name))
        && ShardNaming.models.contains { $0.covers(name) && name != $0.wholeName }
    }
  }

  private static func list(_ names: [String]) -> String {
    let listed = names.prefix(listedCount).map(\.printable).joined(separator: ", ")
    let rest = names.count - listedCount
    return rest > 0 ? "\(listed) and \(rest) more" : listed
  }
}
