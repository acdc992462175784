// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser

/// `0,2`: at least one task id.
struct TaskList: ExpressibleByArgument {
  let ids: [Int]

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    let ids = parts.compactMap { Int($0) }
    guard ids.count == parts.count else { return nil }
    self.ids = ids
  }
}
