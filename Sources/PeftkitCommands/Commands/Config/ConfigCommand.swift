// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Files
internal import JSONDocument
internal import PEFT
internal import Tensors

struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", _superCommandName: Tool.name,
    abstract: "Print a config as PEFT writes it.",
    discussion: """
      The output equals Python's json.dumps(json.load(f), indent=2, sort_keys=True), byte for \
      byte, without a newline at the end. The meaning of the keys is not checked. JSON that cannot \
      be kept exactly is refused. A note on standard error says where sorting the keys of \
      rank_pattern, alpha_pattern and similar objects may change what PEFT computes.

      EXAMPLES:
        peftkit config my-adapter
        peftkit config my-adapter | diff - other/adapter_config.json
      """)

  @Argument(
    help: ArgumentHelp(
      "An adapter_config.json, or a directory that contains one.", valueName: "path"),
    completion: .file())
  var checkpoint: CheckpointArgument

  @OptionGroup var console: ConsoleOptions

  func run() throws {
    let path = try checkpoint.path()
    let isDirectory = try PathKind(path: path) == .directory
    let file = isDirectory ? path + "/" + AdapterConfig.fileName : path
    do throws(CheckpointError) {
      let input = try InputFile(path: file)
      let document = try JSONValue(parsing: input.readAll(limit: JSONLimits.byteCount))
      let bytes = document.encoded(.python())
      try Console.printResult(bytes.span.rawBytes)
      if let object = document.object {
        Console.print(notes: Self.notes(about: AdapterConfig(document: object)))
      }
    } catch {
      let isMissing = isDirectory && error.code == .missing
      throw error.inFile(file).hinting(isMissing ? AdapterDirectory.hint(for: path) : nil)
    }
  }
  private static func notes(about config: AdapterConfig) -> [String] {
    config.patternsExchangedBySorting.map { key, exchange in
      "sorting changes the meaning of \"\(key.excerpt)\": PEFT takes the first key that matches a "
        + "module, and \"\(exchange.first.excerpt)\" comes before \"\(exchange.second.excerpt)\" in "
        + "the file"
    }
  }
}
