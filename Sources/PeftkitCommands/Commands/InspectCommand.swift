internal import ArgumentParser
internal import ContentDigest
internal import Files
internal import PEFT
internal import Tensors

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what is in a checkpoint file, an adapter or a model.",
    discussion: """
      Reads headers only, whatever the size of the file; of a multitask prompt tuning adapter also \
      the weights, unless they are large, to show what its tasks come to: the Frobenius norm of each \
      effective prompt, how many singular values of cols @ rows really count, and the cosines \
      between the tasks' prompts. --tasks shows them whatever the size.

      --digest reads everything and adds digests of the tensors, which stay the same in any format \
      and order: two files of one digest hold the same tensors.

      EXAMPLES:
        peftkit inspect my-adapter
        peftkit inspect my-adapter --digest
        peftkit inspect adapter_model.safetensors --json
      """)

  @Argument(
    help: "A checkpoint file, an index of shards, or the directory of an adapter or a model.",
    completion: .file())
  var path: String

  @Flag(help: "Print JSON, described in spec/command-line.md.")
  var json = false

  @Flag(help: "Show what the tasks of the adapter come to, whatever its size.")
  var tasks = false

  @Flag(help: "Show digests of the tensors, described in spec/digest.md.")
  var digest = false

  func run() throws {
    let inspection = try Inspection(path: path, forcesTasks: tasks, takesDigests: digest)
    if json {
      try inspection.printJSON()
    } else {
      try inspection.printText()
    }
  }
}

/// What `inspect` looks at: an archive, and the config that goes with it in an adapter.
struct Inspection {
  let path: String
  let checkpoint: OpenedCheckpoint
  let tasks: TaskInspection?
  let digests: ArchiveDigests?

  init(
    path: String, forcesTasks: Bool = false, takesDigests: Bool = false
  ) throws(CheckpointError) {
    self.path = path
    checkpoint = try OpenedCheckpoint(path: path)
    tasks = try TaskInspection(checkpoint.adapter, isForced: forcesTasks)
    if forcesTasks, tasks == nil {
      throw CheckpointError(
        .invalidArgument, "is no multitask prompt tuning adapter, and has no tasks", path: path)
    }
    digests = takesDigests ? try ArchiveDigests(of: checkpoint.archive) : nil
  }

  var archive: any TensorArchive { checkpoint.archive }
  var adapter: Adapter? { checkpoint.adapter }
}

/// What the tensors of an archive come to.
struct InspectionTotals {
  /// Elements of all tensors; beyond 63 bits, which only tensors of no bytes can reach, the largest.
  private(set) var parameterCount = 0
  /// Bytes of all tensors; a file holds them, so that they can be counted.
  private(set) var byteCount = 0

  /// Adds a tensor.
  mutating func add(_ tensor: TensorDescription) {
    let (sum, overflow) = parameterCount.addingReportingOverflow(tensor.elementCount)
    parameterCount = overflow ? .max : sum
    byteCount += tensor.byteCount
  }
}

/// The digests of an archive: of each tensor, in the file's order, and of all.
struct ArchiveDigests {
  let tensors: [TensorDigest]
  let checkpoint: CheckpointDigest

  init(of archive: any TensorArchive) throws(CheckpointError) {
    var tensors: [TensorDigest] = []
    for index in 0..<archive.tensorCount {
      tensors.append(try TensorDigest(of: archive, at: index))
    }
    self.tensors = tensors
    checkpoint = CheckpointDigest(
      zip(archive.tensors, tensors).map { (name: $0.name, digest: $1) })
  }
}
