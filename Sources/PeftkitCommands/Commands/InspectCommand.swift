internal import ArgumentParser
internal import Checkpoints
internal import Files
internal import PEFT
internal import Tensors

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what is in a checkpoint file or an adapter directory.",
    discussion: """
      Reads headers only, whatever the size of the file.

      EXAMPLES:
        peftkit inspect my-adapter
        peftkit inspect adapter_model.safetensors --json
      """)

  @Argument(help: "A checkpoint file or an adapter directory.", completion: .file())
  var path: String

  @Flag(help: "Print JSON, described in spec/command-line.md.")
  var json = false

  func run() throws {
    let inspection = try Inspection(path: path)
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
  let archive: any TensorArchive
  let adapter: Adapter?

  init(path: String) throws(CheckpointError) {
    self.path = path
    if try PathKind(path: path) == .directory {
      let adapter = try Adapter(path: path)
      self.adapter = adapter
      archive = adapter.weights
    } else {
      adapter = nil
      archive = try Checkpoint.open(path: path)
    }
  }

  /// Elements of all tensors; beyond 63 bits, which only tensors of no bytes can reach, the largest.
  var parameterCount: Int {
    var total = 0
    for index in 0..<archive.tensorCount {
      let (sum, overflow) = total.addingReportingOverflow(archive.tensor(at: index).elementCount)
      total = overflow ? .max : sum
    }
    return total
  }

  /// Bytes of all tensors; a file holds them, so that they can be counted.
  var byteCount: Int {
    (0..<archive.tensorCount).reduce(0) { $0 + archive.tensor(at: $1).byteCount }
  }
}
