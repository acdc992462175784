// SPDX-License-Identifier: Apache-2.0
import Concurrency
import Files
import Foundation
import Synchronization
import Tensors
import TestSupport
import Testing

@Suite("Lines of a file")
struct LineTests {
  @Test(
    "lines, without what follows the last line feed and without those that are too long",
    arguments: [
      ("", []), ("a\n", ["a"]), ("a\nb", ["a"]), ("\n\na\n", ["", "", "a"]),
      ("1234\n12345\n123456\n1\n", ["1234", "12345", "1"]),
    ] as [(String, [String])])
  func lines(text: String, expected: [String]) throws {
    let directory = try TemporaryDirectory()
    let file = try InputFile(path: directory.write(Array(text.utf8), to: "x"))
    var lines: [String] = []
    try file.readLines(limit: 5) { lines.append(String(decoding: $0, as: UTF8.self)) }
    #expect(lines == expected)
  }

  @Test("lines added by several threads stand whole")
  func appended() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("log")
    let file = try AppendedFile(path: path, existing: .refused)
    let next = Mutex(0)
    WorkerPool.run(count: 4) {
      while true {
        let number = next.withLock { value in
          value += 1
          return value
        }
        guard number <= 200 else { return }
        let line = String(repeating: "\(number % 10)", count: 300) + " \(number)\n"
        try? file.append(Array(line.utf8))
      }
    }
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    #expect(Set(lines.compactMap { $0.split(separator: " ").last }).count == 200)
    for line in lines {
      let parts = line.split(separator: " ")
      #expect(parts[0].count == 300 && parts[0].allSatisfy { $0 == parts[1].last })
    }
    let error = failure { () throws(CheckpointError) in
      _ = try AppendedFile(path: path, existing: .refused)
    }
    #expect(error?.code == .alreadyExists)
    _ = try AppendedFile(path: path, existing: .replaced)
    #expect(try bytes(of: path).isEmpty)
  }
}
