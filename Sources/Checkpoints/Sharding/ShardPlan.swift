// SPDX-License-Identifier: Apache-2.0
public import JSONDocument
public import Tensors

/// A division of tensors into files of a limited size, the same as in huggingface_hub
/// (spec/shards.md, H17 to H23).
public struct ShardPlan: Sendable, Hashable {
  /// A file to write.
  public struct Shard: Sendable, Hashable {
    /// The name of the file.
    public let fileName: String
    /// The indices of its tensors in the planned list, in the order of writing.
    public let tensors: [Int]
    /// The size of the tensors in bytes, without those that share the data of others.
    public let byteCount: Int
  }

  /// The files; a single one, with the plain name, when no split is needed.
  public let shards: [Shard]
  /// The size of all shards in bytes: `total_size`.
  public let byteCount: Int
  /// The number of elements of the same tensors: `total_parameters`, at most `Int.max`.
  public let parameterCount: Int
  /// The names of the files.
  public let naming: ShardNaming

  private let names: [TensorName]

  /// Whether there are several files.
  public var isSharded: Bool { shards.count > 1 }

  /// Plans files in the order of the tensors.
  ///
  /// A tensor larger than the limit gets a file of its own. Tensors that share their data stay
  /// together and are counted once; so do tensors without bytes, since all empty tensors of torch
  /// share one null address.
  ///
  /// - Parameters:
  ///   - tensors: the tensors; their names must differ.
  ///   - limit: the largest size of a file's data in bytes, without the header. A negative one is a
  ///     programming error and traps.
  ///   - naming: the names of the files.
  ///   - sharing: the first tensor that shares the data of the one with this index, nil when no
  ///     earlier one does. A later one is a programming error and traps.
  /// - Throws: `unsupported` when the total size is beyond `Int`.
  /// - Complexity: O(tensors).
  public init(
    _ tensors: [TensorInfo], limit: Int, naming: ShardNaming,
    sharing: (_ index: Int) -> Int? = { _ in nil }
  ) throws(CheckpointError) {
    precondition(limit >= 0, "a limit must not be negative")
    let groups = SharingGroups(tensors, sharing: sharing)
    var packing = ShardPacking(limit: limit)
    var parameterCount = 0
    for index in tensors.indices where groups.leaders[index] == index {
      try packing.append(index, byteCount: tensors[index].byteCount)
      let (sum, overflow) = parameterCount.addingReportingOverflow(tensors[index].elementCount)
      parameterCount = overflow ? .max : sum
    }
    var files = packing.finish()
    groups.addFollowers(to: &files)
    self.init(
      tensors, in: files, byteCount: packing.byteCount, parameterCount: parameterCount,
      naming: naming)
  }

  /// Plans a file for each group of tensors, in the order of their first tensors.
  ///
  /// - Parameters:
  ///   - tensors: the tensors; their names must differ.
  ///   - groups: for each tensor the name of its group, such as the shard that it came from.
  ///   - naming: the names of the files.
  /// - Throws: `unsupported` when the total size is beyond `Int`.
  /// - Complexity: O(tensors).
  public init(
    _ tensors: [TensorInfo], groupedBy groups: [String], naming: ShardNaming
  ) throws(CheckpointError) {
    precondition(groups.count == tensors.count, "every tensor needs a group")
    var places: [UTF8Text: Int] = [:]
    var files: [ShardPacking.File] = []
    var total = ShardPacking(limit: .max)
    var parameterCount = 0
    for (index, tensor) in tensors.enumerated() {
      let place = places[UTF8Text(groups[index]), default: files.count]
      if place == files.count {
        places[UTF8Text(groups[index])] = place
        files.append(ShardPacking.File())
      }
      try total.append(index, byteCount: tensor.byteCount)
      files[place].tensors.append(index)
      files[place].byteCount += tensor.byteCount
      let (sum, overflow) = parameterCount.addingReportingOverflow(tensor.elementCount)
      parameterCount = overflow ? .max : sum
    }
    self.init(
      tensors, in: files.isEmpty ? [ShardPacking.File()] : files, byteCount: total.byteCount,
      parameterCount: parameterCount, naming: naming)
  }

  private init(
    _ tensors: [TensorInfo], in files: [ShardPacking.File], byteCount: Int, parameterCount: Int,
    naming: ShardNaming
  ) {
    shards = files.enumerated().map { number, file in
      Shard(
        fileName: files.count == 1
          ? naming.wholeName : naming.shardName(number, of: files.count),
        tensors: file.tensors, byteCount: file.byteCount)
    }
    self.byteCount = byteCount
    self.parameterCount = parameterCount
    self.naming = naming
    names = tensors.map(\.name)
  }

  /// The index of several shards; nil for a single file unless it is to have one.
  ///
  /// - Parameters:
  ///   - kept: the metadata of the source's index. Its keys are kept, also `total_parameters`,
  ///     since a file may contain more than parameters; `total_size` is replaced.
  ///   - evenOfSingleFile: whether a single file has an index too.
  /// - Complexity: O(tensors).
  public func index(
    keeping kept: JSONObject? = nil, evenOfSingleFile: Bool = false
  ) -> ShardIndex? {
    guard isSharded || evenOfSingleFile, !names.isEmpty else { return nil }
    var metadata = kept ?? [:]
    if metadata["total_parameters"] == nil {
      metadata["total_parameters"] = JSONValue(parameterCount)
    }
    metadata["total_size"] = JSONValue(byteCount)
    return ShardIndex(
      metadata: metadata, fileNames: shards.map(\.fileName),
      entries: shards.enumerated().flatMap { number, shard in
        shard.tensors.map { ShardIndex.Entry(name: names[$0], file: number) }
      })
  }
}
