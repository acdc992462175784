// SPDX-License-Identifier: Apache-2.0

/// The order of an archive's tensors in a state dict, and which of them are parameters.
///
/// A safetensors file keeps neither: it sorts tensors by dtype and name. A torch file keeps both.
public struct StateDictOrder: Sendable, Hashable {
  /// For each entry of the state dict the index of its tensor in the archive.
  public let indices: [Int]
  /// The indices of the tensors that are `torch.nn.Parameter`s; the others are plain tensors.
  public let parameters: Set<Int>

  /// Creates an order.
  ///
  /// - Parameters:
  ///   - indices: every index of the archive, once.
  ///   - parameters: the indices of the parameters.
  public init(indices: [Int], parameters: Set<Int> = []) {
    self.indices = indices
    self.parameters = parameters
  }

  /// The order of an archive of `tensorCount` tensors, all of them plain tensors.
  public static func archiveOrder(tensorCount: Int) -> Self {
    Self(indices: Array(0..<tensorCount))
  }
}
