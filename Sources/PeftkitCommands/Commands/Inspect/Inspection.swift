// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import PEFT
internal import Tensors

/// What `inspect` shows of a checkpoint.
struct Inspection: Report {
  let path: String
  let checkpoint: OpenedCheckpoint
  let tasks: TaskInspection?
  let digests: ArchiveDigests?
  let modules: ModuleInspection?
  let base: BaseInspection?

  init(
    path: String, reading: ReadingOptions, forcesTasks: Bool = false, takesDigests: Bool = false,
    showsModules: Bool = false, base: BaseModelSource? = nil
  ) throws(CheckpointError) {
    self.path = path
    checkpoint = try OpenedCheckpoint(path: path)
    try reading.check(checkpoint.archive)
    tasks = try TaskInspection(checkpoint.adapter, isForced: forcesTasks)
    if forcesTasks, tasks == nil {
      throw CheckpointError(
        .invalidArgument, "is not a multitask prompt tuning adapter: it has no tasks", path: path)
    }
    digests = takesDigests ? try ArchiveDigests(of: checkpoint.archive) : nil
    if let base {
      self.base = try BaseInspection(checkpoint.adapter, of: path, base: base)
    } else {
      self.base = nil
    }
    modules = showsModules ? try ModuleInspection(checkpoint.adapter, path: path) : nil
  }

  var archive: any TensorArchive { checkpoint.archive }
  var adapter: Adapter? { checkpoint.adapter }
}
