// SPDX-License-Identifier: Apache-2.0
import PeftKit

// Prints the rank, the scale and the norm of the change of each module of a LoRA adapter, and converts
// it to BF16 safetensors if a second path is given.

let arguments = CommandLine.arguments
guard arguments.count > 1 else { fatalError("usage: lora-scales ADAPTER [OUTPUT]") }

/// Prints a line for each module, in the order of the file.
func report(_ adapter: Adapter) throws(CheckpointError) {
  guard let updates = try AdapterUpdates(adapter) else {
    throw CheckpointError(.unsupported, "the method changes no weights", path: arguments[1])
  }
  print(adapter.summary)
  for module in updates.modules {
    guard let scale = try updates.scale(of: module) else { continue }
    var line = "\(module.name): r \(scale.rank), α \(scale.alpha), scale \(scale.scale)"
    if let change = try updates.change(of: module, in: .float32) {
      let statistics = ChangeStatistics(of: change)
      if let norm = statistics.norm { line += ", norm \(norm)" }
      if let rank = statistics.effectiveRank { line += ", effective rank \(rank)" }
    }
    print(line)
  }
}

do throws(CheckpointError) {
  try report(Adapter(path: arguments[1]))
  if arguments.count > 2 {
    var options = ConversionOptions(format: .safetensors)
    options.casts = [CastRule(dtype: .bfloat16)]
    let job = ConversionJob(source: arguments[1], destination: arguments[2], options: options)
    let outcome = try job.plan().execute()
    print("wrote \(outcome.fileCount) files, \(outcome.byteCount) bytes, to \(arguments[2])")
  }
} catch {
  print("error: \(error)")
}
