// SPDX-License-Identifier: Apache-2.0
public import Files
public import Tensors

/// The options of a merge.
public struct MergeOptions: Sendable {
  /// The dtype of the merged model; nil for that of the base model. The base model is cast first, as
  /// `from_pretrained(dtype=…)` does, so that adapters are merged into weights of this dtype.
  public var dtype: DType?
  /// Whose roundings the merge has.
  public var style = MergeStyle.once
  /// Whether the updates of several adapters are added up before the only rounding; otherwise a weight is
  /// rounded after each adapter, as PEFT does.
  public var sumsFirst = false
  /// The largest size of the tensors of a file, in bytes; nil keeps the files of the base model.
  public var shardByteCount: Int?
  /// Whether an existing output is replaced, and whether the output is flushed.
  public var policy: OutputPolicy

  /// Creates options: one rounding, and the dtype and files of the base model.
  public init(policy: OutputPolicy = OutputPolicy()) {
    self.policy = policy
  }
}
