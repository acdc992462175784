// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Tensors

/// The state of an optimizer in a checkpoint for training, next to the weights of a model.
public struct OptimizerState: Sendable, Hashable {
  /// The start of the names of its tensors, such as `optimizer`.
  public let key: String
  /// The number of its tensors.
  public let tensorCount: Int
  /// The number of all tensors.
  public let totalCount: Int
  /// The start of the names of the model's tensors, such as `state_dict`; nil when they have several.
  public let modelKey: String?

  /// The usual names of a model's weights in a checkpoint for training.
  private static let modelKeys: Set = [
    "model", "state_dict", "model_state_dict", "module", "net", "network", "weights",
  ]

  /// The names that the optimizers of torch give their tensors.
  private static let slots: Set = [
    "exp_avg", "exp_avg_sq", "max_exp_avg_sq", "exp_inf", "momentum_buffer", "square_avg",
    "grad_avg", "acc_delta", "sum", "step", "prev", "step_size", "ax", "eta", "mu",
    "exp_avg_sq_row", "exp_avg_sq_col",
  ]

  /// Looks for the state of an optimizer.
  ///
  /// - Returns: nil when there is none, when there are no other tensors, and when patterns select
  ///   tensors.
  /// - Complexity: O(tensors).
  init?(in archive: any TensorArchive, selection: TensorSelection) {
    guard selection.included.isEmpty, selection.excluded.isEmpty else { return nil }
    var counts: [String: Int] = [:]
    var optimizer: String?
    for index in 0..<archive.tensorCount {
      let name = archive.tensor(at: index).name.string.utf8
      guard let dot = name.firstIndex(of: 0x2E) else {
        counts["", default: 0] += 1
        continue
      }
      let key = String(Substring(name[..<dot]))
      counts[key, default: 0] += 1
      guard optimizer == nil, Self.isOptimizer(key), let last = name.lastIndex(of: 0x2E) else {
        continue
      }
      if Self.slots.contains(String(Substring(name[name.index(after: last)...]))) {
        optimizer = key
      }
    }
    guard let optimizer, let count = counts[optimizer], count < archive.tensorCount else {
      return nil
    }
    key = optimizer
    tensorCount = count
    totalCount = archive.tensorCount
    let others = counts.keys.filter { $0 != optimizer && !$0.isEmpty && !Self.isOptimizer($0) }
    let usual = others.filter(Self.modelKeys.contains)
    modelKey = usual.count == 1 ? usual[0] : others.count == 1 ? others[0] : nil
  }

  private static func isOptimizer(_ key: String) -> Bool {
    let lowered = key.lowercased()
    return ["optim", "optimizer", "optimizers", "opt", "opt_state"].contains(lowered)
      || lowered.hasPrefix("optimizer_") || lowered.hasSuffix("_optimizer")
  }
}
