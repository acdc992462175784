// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Synchronization
internal import Tensors

/// The findings that need no tensor data, kept for adapters with the same config and the same tensors.
///
/// The adapters of a tree often differ in their values alone. A memory is for one set of options.
package final class FindingMemory: Sendable {
  /// What is found without tensor data.
  struct Findings {
    /// The findings about the config, and about the tensors that go with it.
    let ofConfig: [Finding]
    /// The findings about tensors with the names of another library.
    let ofForeignWeights: [Finding]
  }

  private struct Entry {
    let config: AdapterConfig
    let variant: FormatVariant
    let tensors: [TensorInfo]
    let findings: Findings

    func isAbout(_ config: AdapterConfig, _ weights: any TensorArchive) -> Bool {
      guard weights.tensorCount == tensors.count, variant == weights.variant, config == self.config
      else { return false }
      return tensors.indices.allSatisfy { index in
        let tensor = weights.tensor(at: index)
        let known = tensors[index]
        return tensor.name == known.name && tensor.dtype == known.dtype
          && tensor.shape == known.shape
      }
    }
  }

  /// The most adapters that are kept, the newest ones.
  private static let largestCount = 8
  /// The most tensors of an adapter that is kept.
  private static let largestTensorCount = 4096

  private let entries = Mutex<[Entry]>([])

  /// Creates an empty memory.
  package init() {}

  /// The findings about an adapter, from `find` where no adapter like it is known.
  ///
  /// - Complexity: O(tensors) for a known adapter.
  func findings(
    about config: AdapterConfig, _ weights: any TensorArchive, _ find: () -> Findings
  ) -> Findings {
    let known = entries.withLock(\.self)
    if let entry = known.first(where: { $0.isAbout(config, weights) }) { return entry.findings }
    let findings = find()
    guard weights.tensorCount <= Self.largestTensorCount else { return findings }
    let tensors = (0..<weights.tensorCount).map { weights.tensor(at: $0) }
    let entry = Entry(
      config: config, variant: weights.variant, tensors: tensors, findings: findings)
    entries.withLock { entries in
      if entries.count == Self.largestCount { entries.removeFirst() }
      entries.append(entry)
    }
    return findings
  }
}
