// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import PEFT
internal import Tensors

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", _superCommandName: Tool.name,
    abstract: "Show what a checkpoint file, an adapter or a model contains.",
    discussion: """
      Reads only headers, whatever the size of the file. For a multitask prompt tuning adapter \
      that is not large, it also reads the weights and shows task statistics: the Frobenius norm \
      of each effective prompt, the effective rank of cols @ rows, and the cosine similarities \
      between the tasks' prompts. --tasks shows them for an adapter of any size.

      --modules reads the weights of an adapter of LORA, ADALORA, LOHA or LOKR, and shows the \
      Frobenius norm and the effective rank of what it adds to the weight of each module.

      --base shows the size of an adapter as a share of its base model's.

      --digest reads all data and adds digests of the tensors, which do not depend on format and \
      order: two files with the same digest contain the same tensors.

      EXAMPLES:
        peftkit inspect my-adapter
        peftkit inspect my-adapter --digest
        peftkit inspect my-adapter --modules
        peftkit inspect my-adapter --base my-model
        peftkit inspect adapter_model.safetensors --json
      """)

  @Argument(
    help: "A checkpoint file, an index of shards, or the directory of an adapter or a model.",
    completion: .file())
  var path: CheckpointArgument

  @Flag(help: "Print JSON, described in spec/command-line.md.")
  var json = false

  @Flag(help: "Show the task statistics of an adapter of any size.")
  var tasks = false

  @Flag(help: "Show the norm and effective rank of the change of each module.")
  var modules = false

  @Option(
    help: ArgumentHelp(
      "Compare the size of the adapter with a base model's: a directory, an index of shards or a "
        + "weights file. Without a value, the model that the config names is taken from the local "
        + "Hub cache.",
      valueName: "model"),
    completion: .file())
  var base: String?

  @Flag(help: "Show digests of the tensors, described in spec/digest.md.")
  var digest = false

  @OptionGroup var reading: ReadingOptions

  @OptionGroup var console: ConsoleOptions

  func run() throws {
    let inspection = try Inspection(
      path: path.path(), reading: reading, forcesTasks: tasks, takesDigests: digest,
      showsModules: modules, base: base.map { try BaseModelSource(argument: $0) })
    try print(inspection, json: json)
  }
}
