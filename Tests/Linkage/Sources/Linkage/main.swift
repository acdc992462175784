// SPDX-License-Identifier: Apache-2.0
import PeftKit

let path = CommandLine.arguments[1]
let adapter = try Adapter(path: path)
let embedding = try MultitaskPromptEmbedding(adapter)
let output = try embedding.forward(PromptInput(taskIDs: [0], for: embedding.dimensions))
let options = ConversionOptions(format: CheckpointFormats.standard)
let digest = try CheckpointDigest(of: adapter.weights)
print(adapter.config.document["peft_type"] ?? "?", output.shape, options.format.name, digest)
