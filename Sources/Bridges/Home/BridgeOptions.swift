// SPDX-License-Identifier: Apache-2.0
public import PEFT
public import Tensors

/// How the files of an adapter are written for a home.
public struct BridgeOptions: Sendable {
  /// The base model; nil if it is not given.
  public var base: BaseModel?
  /// The dtype of the factors; nil for that of the source where the home has it.
  public var dtype: DType?

  /// Creates options.
  public init(base: BaseModel? = nil, dtype: DType? = nil) {
    self.base = base
    self.dtype = dtype
  }
}
