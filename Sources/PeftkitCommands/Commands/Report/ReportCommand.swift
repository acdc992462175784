// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Files
internal import PEFT
internal import Reports
internal import Tensors

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Make a page that shows an adapter, two side by side, or a tree of them.",
    discussion: """
      Writes one HTML file that needs no network and opens in any browser. Of a checkpoint it \
      shows what it is, the findings with their remedies, the config with what differs from PEFT's \
      defaults first, and charts of what an adapter changes, of its prompts and of its values, \
      each with the numbers in a table. Of two paths it shows the comparison; of more paths, or of \
      a directory that contains checkpoints, an overview that can be sorted. --recursive makes the \
      overview of a tree whose root is a checkpoint too.

      The page has dark colors for dark screens, prints well, and shows everything without \
      JavaScript. Findings do not change the exit code; use validate for that.

      EXAMPLES:
        peftkit report my-adapter -o my-adapter.html
        peftkit report my-adapter --base my-model -o my-adapter.html
        peftkit report before after -o comparison.html
        peftkit report my-adapters -o overview.html
      """)

  @Argument(
    help: """
      A checkpoint file, an index of shards, the directory of an adapter or a model, or a tree. \
      Repeat for more.
      """,
    completion: .file())
  var paths: [CheckpointArgument]

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The page to write.", valueName: "out.html"),
    completion: .file(extensions: ["html"]))
  var output: String

  @Flag(help: "Make an overview of all checkpoints below the paths.")
  var recursive = false

  @OptionGroup var against: FindingArguments

  @Flag(
    help:
      "With --base: say how much of the adapter would survive a merge; reads the weights that it changes."
  )
  var survival = false

  @OptionGroup var options: OutputOptions

  @OptionGroup var console: ConsoleOptions

  func validate() throws {
    guard survival else { return }
    guard against.base != nil else { throw ValidationError("--survival needs --base.") }
    guard paths.count == 1, !recursive else {
      throw ValidationError("--survival is for one adapter.")
    }
  }

  func run() throws {
    let findings = try against.options()
    let paths = try paths.map { argument throws(CheckpointError) in
      try argument.path(isTree: recursive)
    }
    // An output that exists is reported before anything is read.
    try AtomicFile.checkPlace(output, policy: options.policy)
    let page = try ReportSubject(paths: paths, isRecursive: recursive).page(
      findings, measuresSurvival: survival)
    Interruption.noteSignals()
    var file = try AtomicFile(path: output, policy: options.policy)
    try file.write(page.html.span.rawBytes)
    try file.commit()
  }
}
