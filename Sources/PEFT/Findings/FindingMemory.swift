// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Synchronization
internal import Tensors

/// The findings that need the names, dtypes and shapes of tensors alone, kept for adapters with the same ones
/// and the same config, except for the name of the base model.
///
/// The adapters of a tree often differ in their values alone. A memory is for one set of options.
package final class FindingMemory: Sendable {
  /// What is found without tensor data.
  struct Findings {
    /// The findings about what PEFT reads of the config.
    let ofReading: [Finding]
    /// The findings about the tensors that go with the config.
    let ofTensors: [Finding]
    /// The findings about tensors with the names of another library.
    let ofForeignWeights: [Finding]

    /// The findings about the config, and about the tensors that go with it.
    var ofConfig: [Finding] { ofReading + ofTensors }
  }

  private struct Entry {
    let config: AdapterConfig
    /// The config without the name of the base model.
    let essence: AdapterConfig
    let variant: FormatVariant
    let tensors: [TensorInfo]
    let layout: (any AnyObject & Sendable)?
    let findings: Findings

    func isAbout(
      _ config: AdapterConfig, _ essence: @autoclosure () -> AdapterConfig,
      _ weights: any TensorArchive
    ) -> Bool {
      guard weights.tensorCount == tensors.count, variant == weights.variant,
        config == self.config || essence() == self.essence
      else { return false }
      if let layout, layout === weights.layout { return true }
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
    about config: AdapterConfig, _ weights: any TensorArchive, reading read: () -> [Finding],
    _ find: () -> Findings
  ) -> Findings {
    let known = entries.withLock(\.self)
    lazy var essence = config.withoutBaseModel
    if let entry = known.last(where: { $0.isAbout(config, essence, weights) }) {
      guard entry.config != config else { return entry.findings }
      return Findings(
        ofReading: read(), ofTensors: entry.findings.ofTensors,
        ofForeignWeights: entry.findings.ofForeignWeights)
    }
    let findings = find()
    guard weights.tensorCount <= Self.largestTensorCount else { return findings }
    let tensors = (0..<weights.tensorCount).map { weights.tensor(at: $0) }
    let entry = Entry(
      config: config, essence: essence, variant: weights.variant, tensors: tensors,
      layout: weights.layout, findings: findings)
    entries.withLock { entries in
      if entries.count == Self.largestCount { entries.removeFirst() }
      entries.append(entry)
    }
    return findings
  }
}
