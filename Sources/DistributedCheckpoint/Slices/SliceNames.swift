// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The names that torch.distributed.checkpoint gives safetensors files of slices, and keys of their
/// metadata (spec/distributed.md, Q12).
public enum SliceNames {
  /// The metadata's key for the offsets of all tensors of the file.
  static let offsetsKey: UTF8Text = "DCP_SHARDING_INFO"
  /// The keys that only shards have.
  static let ownKeys: Set<UTF8Text> = [offsetsKey, "DCP_VERSION"]

  /// Whether a path ends in a name such as `shard-00001-model-00001-of-00001.safetensors`.
  public static func isShardName(_ path: String) -> Bool {
    let name = path.utf8.split(separator: UInt8(ascii: "/")).last ?? path.utf8[...]
    let parts = name.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    let words = ["shard", nil, "model", nil, "of", nil]
    guard parts.count == words.count else { return false }
    return zip(parts, words).allSatisfy { part, word in
      guard let word else { return part.first.map { (0x30...0x39).contains($0) } ?? false }
      return part.elementsEqual(word.utf8)
    }
  }
}
