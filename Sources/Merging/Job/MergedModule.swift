// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// A change of a module by an adapter, and the tensor that it changes.
public struct MergedModule: Sendable {
  /// The name of the module or parameter in the base model.
  public let name: String
  /// The tensor that is written.
  public let tensor: TensorName
  /// The dtype of the tensor.
  public let dtype: DType
  /// The dimensions of the tensor, outermost first.
  public let shape: [Int]
  /// The change.
  public let change: MergedChange

  /// Describes a change of a region of a tensor.
  init(_ region: MergedRegion, of tensor: MergedTensor, change: MergedChange) {
    name = region.module
    self.tensor = tensor.name
    dtype = tensor.dtype
    shape = tensor.shape
    self.change = change
  }

  /// The number of the adapter, in the order of merging; the first of several that are added up.
  public var adapter: Int { change.adapter }

  /// The last part of the name that is not a number: `q_proj` of `model.layers.0.self_attn.q_proj`.
  public var kind: String {
    let parts = name.split(separator: ".")
    let isNumber = { (part: Substring) in
      part.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    }
    return parts.last { !isNumber($0) }.map(String.init) ?? name
  }
}
