// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import JSONDocument
public import Tensors
internal import TorchCheckpoint

/// What tells that a file has only one process's part of a checkpoint, so that its tensors may be slices
/// of larger ones (spec/distributed.md, Q25).
public struct CheckpointPart: Sendable, Hashable {
  /// What the file is, as a predicate.
  private let predicate: String
  /// How to get the whole checkpoint.
  private let hint: String
  /// The first tensor that is a part of another one for certain.
  public let tensor: TensorName?

  /// Reads what a file says of itself; nil for a file whose tensors are whole.
  ///
  /// - Complexity: O(metadata + tensors).
  public init?(_ archive: any TensorArchive) {
    guard let part = Self.slices(archive) ?? Self.partition(archive) ?? Self.share(archive)
    else { return nil }
    self = part
  }

  private init(_ predicate: String, tensor: TensorName?, hint: String) {
    self.predicate = predicate
    self.tensor = tensor
    self.hint = hint
  }

  /// The error that the file cannot be used as a file of whole tensors.
  ///
  /// - Parameter path: the path of the file.
  public func refusal(path: String) -> CheckpointError {
    CheckpointError(.unsupported, predicate, path: path, hint: hint)
  }

  /// A safetensors file of torch.distributed.checkpoint. One of whole tensors has offsets too, all of
  /// them 0; then its name tells what it is.
  private static func slices(_ archive: any TensorArchive) -> Self? {
    guard let text = archive.metadata?[SliceNames.offsetsKey],
      let document = (try? JSONValue(parsing: Array(text.utf8)))?.object
    else { return nil }
    var count = 0
    var first: (name: String, offsets: [Int])?
    for member in document {
      let offsets = (member.value["saved_offsets"]?.array ?? []).compactMap(\.integer)
      guard offsets.contains(where: { $0 != 0 }) else { continue }
      count += 1
      if first == nil { first = (member.key, offsets) }
    }
    let origin = "is a shard of torch.distributed.checkpoint"
    let hint = "name its directory: the shards in it are put together"
    guard let (name, offsets) = first else {
      guard SliceNames.isShardName(archive.path) else { return nil }
      return Self(
        origin + ", whose tensors may be slices of larger ones", tensor: nil, hint: hint)
    }
    let place = offsets.map(String.init).joined(separator: ", ")
    let what =
      count == 1
      ? "1 tensor is a slice of a larger one" : "\(count) tensors are slices of larger ones"
    return Self(
      "\(origin): \(what), \(TensorName(name).excerpt) from [\(place)] on",
      tensor: TensorName(name), hint: hint)
  }

  /// A torch file with one process's parts of tensors, as FSDP and tensor parallelism have them.
  private static func share(_ archive: any TensorArchive) -> Self? {
    let parts = archive.skipped.filter { TensorShare.types.contains($0.type) }
    guard let first = parts.first else { return nil }
    let more = parts.count > 1 ? " and \(parts.count - 1) more" : ""
    return Self(
      "has one process's part of tensors that several processes share: \(first.name.excerpt)\(more)",
      tensor: first.name,
      hint:
        "save with torch.distributed.checkpoint, whose parts are put together, or gather the whole "
        + "tensors before saving")
  }

  /// A file of DeepSpeed with the partitions of one process.
  private static func partition(_ archive: any TensorArchive) -> Self? {
    let hint =
      "name the directory of the checkpoint: the partitions in it are put together, as "
      + "zero_to_fp32.py does"
    for prefix in ZeroReader.vectorPrefixes {
      let name = TensorName(prefix + "0")
      guard archive.index(of: name) != nil else { continue }
      return Self(
        "is one process's partition of a checkpoint of DeepSpeed's ZeRO: its tensors are parts of "
          + "flat vectors", tensor: name, hint: hint)
    }
    // In stage 3 the files of the model have the shapes of the parameters, and no elements.
    guard archive.skipped.contains(where: { $0.name.string == "ds_version" }) else { return nil }
    for index in 0..<archive.tensorCount {
      let info = archive.tensor(at: index)
      guard info.byteCount == 0, info.shape.rank == 1, info.name.string.hasPrefix("module.")
      else { continue }
      return Self(
        "is one process's file of a checkpoint of DeepSpeed's ZeRO stage 3: its parameters are in "
          + "other files", tensor: info.name, hint: hint)
    }
    return nil
  }
}

extension CheckpointPart: CustomStringConvertible {
  /// A sentence about the file, on one line fit for a terminal.
  public var description: String { "the file " + predicate }
}
