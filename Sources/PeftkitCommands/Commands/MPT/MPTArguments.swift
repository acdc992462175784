// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser

/// The arguments of most `mpt` commands: an adapter and an output.
struct MPTArguments: ParsableArguments {
  @Argument(help: "A multitask prompt tuning adapter directory.", completion: .directory)
  var adapter: CheckpointArgument

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The output.", valueName: "path"),
    completion: .file())
  var output: String
}
