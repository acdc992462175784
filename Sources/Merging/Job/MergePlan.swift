// SPDX-License-Identifier: Apache-2.0
public import Conversion
public import Kernels
internal import PEFT
public import Tensors

/// The tensors that a merge changes and the files that it writes, before anything is written.
public struct MergePlan: Sendable {
  /// The base model, adapters, destination and options.
  public let job: MergeJob
  /// The files that are written.
  public let conversion: ConversionPlan
  /// The changes, in the order of the tensors in the files.
  public let modules: [MergedModule]
  private let model: MergedModel

  /// Describes a merge whose conversion was planned.
  init(
    _ job: MergeJob, conversion: ConversionPlan, model: MergedModel
  ) throws(CheckpointError) {
    guard let tensors = model.merged?.merged else {
      throw CheckpointError(
        .missing, "has no weights to merge into", path: job.base.path)
    }
    self.job = job
    self.conversion = conversion
    self.model = model
    modules = tensors.flatMap { tensor in
      tensor.regions.flatMap { region in
        region.changes.map { MergedModule(region, of: tensor, change: $0) }
      }
    }
  }

  /// The number of bytes to write, without those of the smaller files.
  public var tensorByteCount: Int { conversion.tensorByteCount }

  /// Remarks for the user, one line each.
  public var notes: [String] { model.notes }

  /// The tensors of the base model that were cast, and the effects on their values, once the merge was
  /// carried out.
  public var casts: [CastRecord.Entry] { model.casts.entries }

  /// Carries out the merge.
  ///
  /// - Returns: what became of each module.
  /// - Throws: `alreadyExists`, `system` and `interrupted` for the destination; `truncated`, `malformed`
  ///   and `mismatch` when a file is damaged or changed. Nothing is left behind then.
  public func execute() throws(CheckpointError) -> MergeReport {
    _ = try conversion.execute()
    return model.merged.map { MergeReport(of: $0) } ?? MergeReport(modules: [])
  }
}
