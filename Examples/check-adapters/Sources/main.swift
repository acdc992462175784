// SPDX-License-Identifier: Apache-2.0
import Foundation
import PeftKit
import Synchronization

// Checks every adapter of a directory tree on all CPUs, and exits with 1 if PEFT would not use one as
// it was trained.

guard let root = CommandLine.arguments.dropFirst().first else {
  print("usage: check-adapters DIRECTORY")
  exit(64)
}
let counts = Mutex((good: 0, bad: 0))

do throws(CheckpointError) {
  // The closure is called for one result at a time, in the order of the tree.
  try TreeValidation(root: root).run { item throws(CheckpointError) in
    let problems: [String]
    switch item.result {
    case .success(let validation):
      let errors = validation.findings.filter { $0.severity == .error }
      problems = errors.map { "\($0.code): \($0.message)" }
    case .failure(let error):
      problems = ["unreadable: \(error)"]
    }
    counts.withLock { counts in
      if problems.isEmpty { counts.good += 1 } else { counts.bad += 1 }
    }
    for problem in problems { print("\(item.path): \(problem)") }
  }
} catch {
  print("error: \(error)")
  exit(2)
}

let (good, bad) = counts.withLock { $0 }
print("\(good) can be used, \(bad) cannot")
exit(bad == 0 ? 0 : 1)
