internal import ArgumentParser
internal import Conversion
internal import Files
internal import JSONDocument
internal import PEFT
internal import Tensors

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Say what differs between two checkpoints.",
    discussion: """
      Compares files, indexes of shards, adapters or models, of any formats: the config's keys of two adapters, and \
      the tensors by name. Tensors differ when dtype, shape or any bit of their data does; of those \
      that do, it says how many elements, how far apart at most, and where. Order, container and \
      metadata make no difference. Exit code 1 when something differs.

      EXAMPLES:
        peftkit diff my-adapter my-adapter-converted
        peftkit diff adapter_model.bin adapter_model.safetensors
        peftkit diff before after --json | jq '.tensors.changed[].name'
      """)

  @Argument(
    help: "A checkpoint file, an index of shards, or the directory of an adapter or a model.",
    completion: .file())
  var a: String

  @Argument(help: "Another one.", completion: .file())
  var b: String

  @Flag(help: "Print JSON, described in spec/command-line.md.")
  var json = false

  func run() throws {
    let report = try DiffReport(ComparedCheckpoint(path: a), ComparedCheckpoint(path: b))
    if json {
      try report.printJSON()
    } else {
      try report.printText()
    }
    if !report.isSame { throw ExitCode.finding }
  }
}

/// One side of a comparison: an archive, and the config that goes with it in an adapter.
struct ComparedCheckpoint {
  let path: String
  let archive: any TensorArchive
  /// The config; nil for a file.
  let config: JSONObject?

  init(path: String) throws(CheckpointError) {
    self.path = path
    let checkpoint = try OpenedCheckpoint(path: path)
    archive = checkpoint.archive
    config = checkpoint.adapter?.config.document
  }
}

/// What `diff` found, for printing.
struct DiffReport {
  let a: ComparedCheckpoint
  let b: ComparedCheckpoint
  /// The keys of two adapters' configs; nil unless both have one.
  let config: [KeyChange<JSONValue>]?
  let tensors: CheckpointComparison

  init(_ a: ComparedCheckpoint, _ b: ComparedCheckpoint) throws(CheckpointError) {
    self.a = a
    self.b = b
    if let left = a.config, let right = b.config {
      config = KeyChange.changes(from: left, to: right)
    } else {
      config = nil
    }
    tensors = try CheckpointComparison(a.archive, b.archive)
  }

  /// Whether all that counts is the same (spec/command-line.md, L28).
  var isSame: Bool { tensors.isSame && config?.isEmpty ?? true }
}
