// SPDX-License-Identifier: Apache-2.0

// One case: ForwardBenchmark ADAPTER DTYPE TASKS INDICES. Then a line of input asks for work:
//
//     fresh N   forwards into new memory, freed again
//     into N    forwards into memory that is kept and was touched before
//     fill N    the same memory filled with a byte, on all CPUs
//     output F  a forward, written to a file
//
// The answer is a line of the seconds that each repetition took, without a first one.

import PeftKit

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

let arguments = CommandLine.arguments
let dtypes = [DType.float32, .bfloat16, .float16]
guard arguments.count == 5, let dtype = dtypes.first(where: { $0.name == arguments[2] }) else {
  fatalError("usage: ForwardBenchmark ADAPTER F32|BF16|F16 TASKS INDICES")
}
let embedding = try MultitaskPromptEmbedding(path: arguments[1])
let input = try PromptInput(
  taskIDs: arguments[3].split(separator: ",").compactMap { Int($0) }, indicesFile: arguments[4],
  for: embedding.dimensions)
let memory = Memory(byteCount: try embedding.outputByteCount(of: input, dtype: dtype))

while let line = readLine() {
  let words = line.split(separator: " ")
  guard words.count == 2 else { fatalError("cannot read \(line)") }
  let repetitions = Int(words[1]) ?? 0
  switch words[0] {
  case "fresh":
    try report(repetitions) { _ = try embedding.forward(input, dtype: dtype) }
  case "into":
    try report(repetitions) { try memory.forward(embedding, input, dtype) }
  case "fill":
    report(repetitions) { memory.fill() }
  case "output":
    try memory.forward(embedding, input, dtype)
    memory.write(to: String(words[1]))
    print("done")
  default: fatalError("cannot \(line)")
  }
  fflush(nil)
}

/// Prints the seconds that each repetition takes, after one that does not count.
func report(_ repetitions: Int, _ body: () throws -> Void) rethrows {
  try body()
  var times: [Double] = []
  for _ in 0..<repetitions {
    let start = ContinuousClock.now
    try body()
    let time = (ContinuousClock.now - start).components
    times.append(Double(time.seconds) + Double(time.attoseconds) * 1e-18)
  }
  print(times.map { "\($0)" }.joined(separator: " "))
}
