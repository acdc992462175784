// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Checkpoints
public import Tensors

extension Model {
  /// Findings about the weights of a model.
  ///
  /// - Parameter readsValues: whether their data is read.
  /// - Throws: what reading the data throws.
  /// - Complexity: O(bytes of the weights), O(tensors) without values.
  public func findings(readsValues: Bool = true) throws(CheckpointError) -> [Finding] {
    let findings = weights.fileFindings + weights.formatKeyFindings(.warning)
    return readsValues ? findings + (try weights.valueFindings()) : findings
  }
}

extension TensorArchive {
  /// The findings of a weights file or an index of shards (spec/shards.md, H3 and H32).
  ///
  /// - Complexity: O(metadata); no tensor data is read.
  public var fileFindings: [Finding] { sliceFindings + indexFindings }

  /// A finding about a safetensors file without `format` in its metadata (spec/findings.md, G6).
  ///
  /// - Parameter severity: how much it matters: transformers 4 refuses such a model.
  func formatKeyFindings(_ severity: Finding.Severity) -> [Finding] {
    guard format.holdsMetadata, metadata?["format"] == nil else { return [] }
    let message =
      "the weights have no \"format\" in their metadata, without which transformers 4 refuses a "
      + "model"
    let repairs: [Finding.Repair] = [.setMetadata(key: "format", to: "pt")]
    return switch severity {
    case .note: [Finding(.note, "no-format-key", message, repairs: repairs)]
    default: [Finding(.warning, "no-format-key", message, repairs: repairs)]
    }
  }

  private var sliceFindings: [Finding] {
    guard let shard = DistributedShard(self) else { return [] }
    return [
      Finding(
        .warning, "sliced-tensors", shard.description, tensor: shard.slices.first?.name)
    ]
  }

  private var indexFindings: [Finding] {
    defects.map { defect in
      switch defect {
      case .indexWithoutMetadata:
        Finding(
          .warning, "index-without-metadata",
          "the index has no \"metadata\", without which transformers cannot load the model",
          repairs: [.rewriteIndex])
      }
    }
  }
}
