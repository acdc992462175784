// SPDX-License-Identifier: Apache-2.0

// Opens a safetensors file over and over, as Benchmarks/conversion.py asks on standard input: each
// line is a number of repetitions, each answer the seconds of each of them.

import SafeTensors

guard CommandLine.arguments.count == 2 else { fatalError("usage: OpeningBenchmark FILE") }
let path = CommandLine.arguments[1]
let clock = ContinuousClock()

while let line = readLine(), let repetitions = Int(line) {
  var answer: [String] = []
  for _ in 0..<repetitions {
    let time = try clock.measure {
      let file = try SafeTensorsFile(path: path)
      precondition(file.tensorCount > 0, "the file must hold tensors")
    }
    answer.append("\(time / .seconds(1))")
  }
  print(answer.joined(separator: " "))
  flushStandardOutput()
}
