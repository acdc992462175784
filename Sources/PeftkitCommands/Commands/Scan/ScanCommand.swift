// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Concurrency
internal import Files
internal import Tensors
internal import CheckpointScan

struct ScanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scan", _superCommandName: Tool.name,
    abstract: "Show what a file would ask Python to run, without running it.",
    discussion: """
      Follows every pickle in a torch file and lists the names that it imports and calls. "data \
      only" means that the grammar of a tensor checkpoint accounts for every byte; anything else \
      is a finding, and exit code 1. Works on damaged files too. For a directory, scans the \
      weights files in it and in all directories below; links to directories are not followed. \
      When something cannot be read, the rest is scanned, and the exit code is 2.

      EXAMPLES:
        peftkit scan adapter_model.bin
        peftkit scan my-adapters --sarif > findings.sarif
        peftkit scan my-adapter --json | jq '.files[].pickles[].names[].name'
      """)

  @Argument(help: "A checkpoint file or a directory of them.", completion: .file())
  var path: CheckpointArgument

  @OptionGroup
  var output: ReportFormOptions

  @OptionGroup var console: ConsoleOptions

  func run() throws {
    let scanned = ByteCounter()
    let path = try path.path(isTree: true)
    let scan = try ProgressLine.showing { seconds in
      "\(Sizes.count(scanned.value, "file")) scanned  \(Sizes.duration(seconds))"
    } while: { () throws(CheckpointError) in
      try ScannedTree(path: path, counter: scanned)
    }
    if !scan.files.isEmpty {
      if output.form == .sarif {
        try scan.printSARIF()
      } else {
        try print(scan, json: output.json)
      }
    }
    Console.print(
      notes: scan.passedLinks.map {
        "\($0.printable) is a link to a directory and was not followed"
      }
        + scan.passedMetadata.map {
          "\($0.printable) is an AppleDouble file (macOS metadata) and was skipped"
        }
        + (scan.otherCount > 0
          ? ["\(Sizes.count(scan.otherCount, "file")) with other names not scanned"] : []))
    for failure in scan.failures { Console.print(failure) }
    if !scan.failures.isEmpty { throw ExitCode.unusable }
    if scan.verdict != .dataOnly { throw ExitCode.finding }
  }
}
