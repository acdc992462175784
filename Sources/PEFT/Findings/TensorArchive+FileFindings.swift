// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Checkpoints
internal import DistributedCheckpoint
internal import JSONDocument
package import Kernels
public import Tensors

extension Model {
  /// Findings about the weights of a model.
  ///
  /// - Parameter readsValues: whether their data is read.
  /// - Throws: what reading the data throws.
  /// - Complexity: O(bytes of the weights), O(tensors) without values.
  public func findings(readsValues: Bool = true) throws(CheckpointError) -> [Finding] {
    findings(surveys: readsValues ? try weights.surveyValues() : nil)
  }

  /// The same with surveys of the values of all tensors, which were read before.
  package func findings(surveys: [ValueSurvey]?) -> [Finding] {
    let findings = weights.fileFindings + weights.formatKeyFindings(.warning)
    return findings + (surveys.map(weights.valueFindings(of:)) ?? [])
  }
}

extension TensorArchive {
  /// The findings of a weights file or an index of shards (spec/shards.md, H3; spec/distributed.md, Q25).
  ///
  /// - Complexity: O(metadata); no tensor data is read.
  public var fileFindings: [Finding] { weightsOnlyFindings + sliceFindings + indexFindings }

  /// A finding about a torch file that torch refuses by default, and PEFT and transformers with it
  /// (spec/torch-checkpoint.md, T32).
  private var weightsOnlyFindings: [Finding] {
    defects.compactMap { defect in
      guard case .refusedByWeightsOnly(let reason) = defect else { return nil }
      return Finding(
        .error, "weights-only",
        "torch does not load the file with weights_only, its default, because of \(reason)")
    }
  }

  /// The values of `format` in the metadata with which transformers 4 loads a model.
  private static var loadedFormatKeys: Set<String> { ["pt", "tf", "flax", "mlx"] }

  /// A finding about a safetensors file whose metadata does not say `format` as transformers wants it
  /// (spec/findings.md, G6).
  ///
  /// - Parameter severity: how much it matters: transformers 4 refuses such a model.
  func formatKeyFindings(_ severity: Finding.Severity) -> [Finding] {
    let stated = metadata?["format"]
    guard format.holdsMetadata, !(stated.map(Self.loadedFormatKeys.contains) ?? false) else {
      return []
    }
    let what = stated.map { "have the \"format\" \"\($0.excerpt)\"" } ?? "have no \"format\""
    let message = "the weights \(what) in their metadata, with which transformers 4 refuses a model"
    let repairs: [Finding.Repair] = [.setMetadata(key: "format", to: "pt")]
    return switch severity {
    case .note: [Finding(.note, "no-format-key", message, repairs: repairs)]
    default: [Finding(.warning, "no-format-key", message, repairs: repairs)]
    }
  }

  private var sliceFindings: [Finding] {
    guard let part = CheckpointPart(self) else { return [] }
    return [Finding(.warning, "sliced-tensors", part.description, tensor: part.tensor)]
  }

  private var indexFindings: [Finding] {
    guard let sharded = self as? ShardedArchive else { return [] }
    guard let metadata = sharded.index.metadata else {
      return [
        Finding(
          .warning, "index-without-metadata",
          "the index has no \"metadata\", without which transformers cannot load the model",
          repairs: [.rewriteIndex])
      ]
    }
    var findings = sharded.shardNotes.map { note in
      note.isStale
        ? Finding(.error, "index-differs", note.description, repairs: note.repairs)
        : Finding(.note, "index-differs", note.description, repairs: note.repairs)
    }
    if let size = metadata["total_size"], sharded.index.statedByteCount == nil {
      findings.append(
        Finding(
          .note, "index-differs", "the index gives total_size as \(size.description.excerpt)",
          repairs: [.rewriteIndex]))
    }
    return findings
  }
}

extension ShardNote {
  /// A new index, which lists all tensors and their size.
  fileprivate var repairs: [Finding.Repair] {
    switch self {
    case .unlisted, .byteCount, .stale: [.rewriteIndex]
    case .metadataDiffers: []
    }
  }

  /// Whether the loaders of models, which go by the index, fail.
  fileprivate var isStale: Bool {
    if case .stale = self { true } else { false }
  }
}
