// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The contents of a `.metadata` file: what torch.distributed.checkpoint saved, and where
/// (spec/distributed.md, Q2 to Q6).
struct StateDictMetadata {
  /// A tensor of the state dict.
  struct Tensor {
    /// The key in the state dict, which the places of the shards have too.
    let key: String
    let dtype: TorchDType
    let sizes: [Int]
    /// The boxes of the tensor that were saved, each once.
    let shards: [TensorBox]
  }

  /// A shard of a tensor by its first element, or a value that is not a tensor.
  struct Key: Hashable {
    let key: TensorName
    let offsets: [Int]?
  }

  /// The place of a shard or value.
  struct Place {
    let fileName: String
    let start: Int
    let byteCount: Int
    /// The first transform that was applied to the bytes, such as a compression, if there is one.
    let transform: String?
    /// The offset of the entry in the `.metadata` file.
    let offset: Int
  }

  /// The tensors, in the order of the state dict.
  var tensors: [Tensor] = []
  /// The keys of the values that are not tensors.
  var values: [String] = []
  /// The places of all shards and values.
  var places: [Key: Place] = [:]
  /// The keys on the way to a value in the nested state dict, joined with `.`, where they are not the
  /// key itself.
  var names: [TensorName: String] = [:]

  /// The error for code that Python would run to load the metadata; nil without any.
  var codeRequest: CheckpointError?

  /// The name of a tensor or value.
  func name(of key: String) -> TensorName {
    TensorName(names[TensorName(key)] ?? key)
  }
}
