internal import ArgumentParser
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
    try print(inspection, json: json)
  }
}
