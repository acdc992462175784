internal import ArgumentParser

/// What most of the `mpt` commands take: an adapter in, an output out.
struct MPTArguments: ParsableArguments {
  @Argument(help: "A multitask prompt tuning adapter directory.", completion: .directory)
  var adapter: String

  @Option(
    name: .shortAndLong, help: ArgumentHelp("What to write.", valueName: "path"),
    completion: .file())
  var output: String
}
