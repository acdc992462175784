// SPDX-License-Identifier: Apache-2.0
import PeftKit

// Computes the prompts of a batch, as a program would before each forward of its model.

let arguments = CommandLine.arguments.dropFirst()
guard let path = arguments.first else { fatalError("usage: serve-prompts ADAPTER [TASK...]") }
let tasks = arguments.dropFirst().compactMap { Int($0) }

do throws(CheckpointError) {
  let server = try PromptServer(path: path)
  let sizes = server.dimensions
  print("\(sizes.taskCount) tasks, \(sizes.virtualTokenCount) tokens of \(sizes.tokenDimension)")

  let batch = tasks.isEmpty ? Array(0..<sizes.taskCount) : tasks
  var prompts = try server.prompts(forTasks: batch, in: .bfloat16)
  let clock = ContinuousClock()
  let rounds = 1_000
  let start = clock.now
  for _ in 0..<rounds { prompts = try server.prompts(forTasks: batch, in: .bfloat16) }
  let time = clock.now - start
  print(prompts.shape, "in", prompts.dtype.name, "take", time / rounds)
} catch {
  print("error: \(error)")
  if let hint = error.hint { print("hint: \(hint)") }
}
