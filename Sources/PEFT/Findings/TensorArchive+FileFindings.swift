// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Checkpoints
internal import Tensors

extension TensorArchive {
  /// The findings of a weights file or an index of shards (spec/shards.md, H3 and H32).
  ///
  /// - Complexity: O(metadata); no tensor data is read.
  public var fileFindings: [Finding] { sliceFindings + indexFindings }

  private var sliceFindings: [Finding] {
    guard let shard = DistributedShard(self) else { return [] }
    return [
      Finding(
        .warning, "sliced-tensors", shard.description, tensor: shard.slices.first?.name)
    ]
  }

  private var indexFindings: [Finding] {
    guard let sharded = self as? ShardedArchive, sharded.index.metadata == nil else { return [] }
    return [
      Finding(
        .warning, "index-without-metadata",
        "the index has no \"metadata\", without which transformers cannot load the model; "
          + "a conversion writes it", repairs: [.rewriteIndex])
    ]
  }
}
