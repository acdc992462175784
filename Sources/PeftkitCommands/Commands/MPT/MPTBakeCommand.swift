// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import ArgumentParser
internal import Files
internal import MultitaskPromptTuning
internal import Tensors

struct MPTBakeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bake",
    abstract: "Turn a task into a prompt tuning adapter, or into bare embeddings.",
    discussion: """
      Computes the effective prompt of the task in F32, as PEFT does, verifies it, and writes it as \
      an adapter of the method PROMPT_TUNING, heads included. With --as the output is a file that \
      contains only the embeddings. --dtype rounds the prompt at the end (float64 computes in F64). \
      --all writes every task into a directory: task-0, task-1 and so on.

      Besides formats, --as takes three forms for servers: pt, a file that torch.load reads as a \
      tensor, not as a dict; prompt-embeds, that file in base64, as a request to vLLM contains it; \
      tgis, a directory with decoder.pt or encoder.pt for the prefix store of TGIS.

      EXAMPLES:
        peftkit mpt bake my-adapter --task 2 -o prompt-of-task-2
        peftkit mpt bake my-adapter --all -o prompts
        peftkit mpt bake my-adapter --task 0 --as npy -o prompt.npy
        peftkit mpt bake my-adapter --all --as tgis -o prefix-store/my-adapter
      """)

  @OptionGroup var arguments: MPTArguments

  @Option(help: ArgumentHelp("The task to bake.", valueName: "id"))
  var task: Int?

  @Flag(help: "Bake every task.")
  var all = false

  @Option(
    help: ArgumentHelp(
      "Write bare prompt embeddings [V, D] in a format or a form for servers.", valueName: "form"))
  var `as`: PromptFormName?

  @Option(help: "The dtype to write: float32, float64, bfloat16 or float16.")
  var dtype: ComputeDType = .float32

  @OptionGroup var options: OutputOptions

  @OptionGroup var console: ConsoleOptions

  func validate() throws {
    if (task == nil) != all {
      throw ValidationError("Give either '--task' or '--all'.")
    }
    if case .checkpoint(let format)? = `as`?.form,
      format.storedDType(for: dtype.dtype) != dtype.dtype
    {
      throw ValidationError(
        "\(format.name) files do not have the dtype \(dtype.rawValue); choose another '--dtype'.")
    }
  }

  func run() throws {
    Interruption.noteSignals()
    let adapter = try MultitaskPromptAdapter(path: arguments.adapter.path())
    Console.print(notes: adapter.bakingNotes(as: `as`?.form))
    guard let task else {
      try adapter.bakeAllTasks(
        to: arguments.output, dtype: dtype.dtype, as: `as`?.form, policy: options.policy)
      return
    }
    if let form = `as`?.form {
      try adapter.prompt(ofTask: task, dtype: dtype.dtype)
        .write(as: form, to: arguments.output, policy: options.policy)
    } else {
      try adapter.baking(task: task, dtype: dtype.dtype)
        .write(to: arguments.output, policy: options.policy)
    }
  }
}
