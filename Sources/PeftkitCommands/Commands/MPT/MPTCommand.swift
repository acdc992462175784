// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser

struct MPTCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mpt", _superCommandName: Tool.name,
    abstract: "Create MPT adapters and derive new ones from them.",
    discussion: """
      MPT is multitask prompt tuning. The commands work on the weights alone, without the base \
      model. Every result is an adapter that PEFT loads; spec/mpt-operations.md defines what each \
      command computes.

      EXAMPLES:
        peftkit mpt init --config adapter_config.json --seed 7 -o fresh
        peftkit mpt bake my-adapter --task 2 -o prompt-of-task-2
        peftkit mpt select my-adapter --tasks 2,0 -o two-tasks
        peftkit mpt rank my-adapter --to 4 -o smaller
      """,
    subcommands: [
      MPTInitCommand.self, MPTBakeCommand.self, MPTSelectCommand.self, MPTConcatCommand.self,
      MPTAverageCommand.self, MPTRankCommand.self, MPTCanonicalizeCommand.self,
    ])
}
