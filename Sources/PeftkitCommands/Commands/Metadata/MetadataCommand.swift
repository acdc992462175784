// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import ArgumentParser
internal import Checkpoints
internal import Files
internal import JSONDocument
internal import SafeTensors
internal import Tensors

struct MetadataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metadata", _superCommandName: Tool.name,
    abstract: "Show or change the metadata of a safetensors file.",
    discussion: """
      Without changes, prints __metadata__. With changes, rewrites the file, completely or not at \
      all: the data stays the same byte for byte, and in the header only __metadata__ changes. \
      --clear applies first, then --remove, then --set, in the order given.

      --in-place overwrites only the header, which takes no time for a file of any size, but is \
      not crash-safe: after a power cut, or for a program that reads the file at the same time, \
      the header may be partly new. The new header must fit; --reserve, here or in convert, makes \
      space for it. --in-place follows symbolic links, and all hard links of the file show the \
      change; without it they keep the old contents.

      EXAMPLES:
        peftkit metadata adapter_model.safetensors
        peftkit metadata adapter_model.safetensors --set license=apache-2.0
        peftkit metadata model.safetensors --remove author -o clean.safetensors
        peftkit metadata model.safetensors --reserve 4096
        peftkit metadata model.safetensors --set step=2000 --in-place
      """)

  @Argument(help: "A safetensors file.", completion: .file())
  var file: String

  @Flag(help: "Print a JSON object, or null if the file has no metadata.")
  var json = false

  @Option(
    name: .customLong("set"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Set a key to a text, which may be empty.", valueName: "key=text"))
  var assignments: [MetadataAssignment] = []

  @Option(
    name: .customLong("remove"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Remove a key.", valueName: "key"))
  var removals: [String] = []

  @Flag(help: "Remove __metadata__ from the file.")
  var clear = false

  @Option(
    help: ArgumentHelp(
      "Reserve space in the header for later changes with --in-place.", valueName: "bytes"))
  var reserve: Int?

  @Flag(help: "Overwrite the header in the file itself. Not crash-safe.")
  var inPlace = false

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Write another file, and leave this one unchanged.", valueName: "out.safetensors"),
    completion: .file())
  var output: String?

  @OptionGroup var options: OutputOptions

  @OptionGroup var console: ConsoleOptions

  private var changes: Bool {
    !assignments.isEmpty || !removals.isEmpty || clear || reserve != nil
  }

  func validate() throws {
    if json, changes { throw ValidationError("'--json' cannot be combined with changes.") }
    if !changes, inPlace || output != nil {
      let option = inPlace ? "--in-place" : "--output"
      throw ValidationError(
        "'\(option)' requires a change: --set, --remove, --clear or --reserve.")
    }
    if inPlace, output != nil {
      throw ValidationError("'--in-place' cannot be combined with '--output'.")
    }
    if inPlace, reserve != nil {
      throw ValidationError("'--in-place' cannot be combined with '--reserve'.")
    }
    if let reserve, reserve < 0 {
      throw ValidationError("'--reserve' must be a number of bytes, at least 0.")
    }
    if clear, !removals.isEmpty {
      throw ValidationError("'--clear' cannot be combined with '--remove'.")
    }
    try Self.refuseSecond(assignments.map(\.key), of: "--set")
    try Self.refuseSecond(removals, of: "--remove")
  }

  private static func refuseSecond(_ keys: [String], of option: String) throws {
    var seen: Set<UTF8Text> = []
    for key in keys where !seen.insert(UTF8Text(key)).inserted {
      throw ValidationError("'\(option)' names '\(key.printable)' twice.")
    }
  }

  func run() throws {
    let archive = try open()
    guard changes else { return try print(MetadataReport(metadata: archive.metadata), json: json) }
    Interruption.noteSignals()
    let edit = try SafeTensorsEdit(
      of: archive, metadata: changed(archive.metadata), reservedByteCount: reserve)
    if inPlace {
      let isWritten = try edit.applyInPlace(synchronizes: options.policy.synchronizes)
      if isWritten { printNotes(edit, isLink: PathKind.isSymbolicLink(file)) }
    } else if let output {
      try edit.write(to: output, policy: options.policy)
    } else if edit.changesFile {
      // The file itself is named, so that replacing it needs no --force.
      let policy = OutputPolicy(
        replacesExisting: true, synchronizes: options.policy.synchronizes)
      let isLink = PathKind.isSymbolicLink(file)
      try edit.write(to: file, policy: policy)
      printNotes(edit, isLink: isLink)
    }
  }

  private func open() throws(CheckpointError) -> SafeTensorsFile {
    guard let input = try InputFile(unlessDirectory: file) else {
      throw CheckpointError(
        .invalidArgument, "is a directory", path: file, hint: "name the weights file in it")
    }
    let (archive, index) = try Checkpoint.openWithIndex(input)
    if index != nil {
      throw CheckpointError(
        .unsupported, "is an index of shards, each of which has its own metadata", path: file,
        hint: archive.files.first.map { "name a shard, such as \($0.path)" })
    }
    guard let archive = archive as? SafeTensorsFile else {
      let format = archive.variant.name
      throw CheckpointError(
        .unsupported,
        "is \(format.hasPrefix("n") ? "an" : "a") \(format) file, which has no metadata of this kind",
        path: file, hint: "peftkit convert can make a safetensors file from it")
    }
    return archive
  }

  private func changed(
    _ metadata: ArchiveMetadata?
  ) throws(CheckpointError) -> ArchiveMetadata? {
    var metadata = clear ? nil : metadata
    for key in removals {
      let key = UTF8Text(key)
      guard metadata?[key] != nil else {
        throw CheckpointError(
          .missing, "its metadata has no key \"\(key.string.excerpt)\"", path: file)
      }
      metadata?[key] = nil
    }
    if metadata == nil, !assignments.isEmpty { metadata = ArchiveMetadata() }
    for assignment in assignments { metadata?[UTF8Text(assignment.key)] = assignment.value }
    return metadata
  }

  /// Prints what the change means for the other names of the file.
  private func printNotes(_ edit: SafeTensorsEdit, isLink: Bool) {
    var notes: [String] = []
    if isLink {
      notes.append(
        inPlace
          ? "the target of the symbolic link was changed"
          : "a file has replaced the symbolic link; its target is unchanged")
    }
    if edit.nameCount > 1, inPlace || !isLink {
      notes.append(
        "the file has \(edit.nameCount) hard links, "
          + (inPlace ? "and all show the change" : "and the others are unchanged"))
    }
    Console.print(notes: notes)
  }
}
