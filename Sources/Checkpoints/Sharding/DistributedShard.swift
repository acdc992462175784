// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import JSONDocument
public import Tensors

/// A safetensors file that torch.distributed.checkpoint saved for one of several processes: its
/// tensors may be slices of larger ones (spec/shards.md, H32).
public struct DistributedShard: Sendable, Hashable {
  /// A tensor that does not begin where the whole tensor does.
  public struct Slice: Sendable, Hashable {
    /// The tensor.
    public let name: TensorName
    /// Where the slice begins in the whole tensor, by dimension.
    public let offsets: [Int]
  }

  /// The tensors that are slices for certain, in the order of the metadata. The first slices of
  /// tensors are not among them: nothing tells them from whole tensors.
  public let slices: [Slice]

  /// The metadata's key for the offsets of all tensors of the file.
  private static let metadataKey: UTF8Text = "DCP_SHARDING_INFO"

  /// Reads what a file says of itself; nil for a file whose tensors are whole.
  ///
  /// A file of whole tensors has offsets too, all of them 0; then its name tells what it is.
  ///
  /// - Complexity: O(metadata).
  public init?(_ archive: any TensorArchive) {
    guard let text = archive.metadata?[Self.metadataKey],
      let document = (try? JSONValue(parsing: Array(text.utf8)))?.object
    else { return nil }
    slices = document.compactMap { member in
      let offsets = (member.value["saved_offsets"]?.array ?? []).compactMap(\.integer)
      guard offsets.contains(where: { $0 != 0 }) else { return nil }
      return Slice(name: TensorName(member.key), offsets: offsets)
    }
    guard !slices.isEmpty || Self.isShardName(archive.path) else { return nil }
  }

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

  /// The error that the file cannot be used as a file of whole tensors.
  ///
  /// - Parameter path: the path of the file.
  public func refusal(path: String) -> CheckpointError {
    CheckpointError(
      .unsupported, predicate, path: path,
      hint: "consolidate the shards with torch first, which reads all of them")
  }
}

extension DistributedShard: CustomStringConvertible {
  /// A sentence about the file, on one line fit for a terminal.
  public var description: String { "the file " + predicate }

  private var predicate: String {
    let origin = "is a shard of torch.distributed.checkpoint"
    guard let first = slices.first else {
      return origin + ", whose tensors may be slices of larger ones"
    }
    let place = first.offsets.map(String.init).joined(separator: ", ")
    let count =
      slices.count == 1
      ? "1 tensor is a slice of a larger one"
      : "\(slices.count) tensors are slices of larger ones"
    return "\(origin): \(count), \(first.name.excerpt) from [\(place)] on"
  }
}
