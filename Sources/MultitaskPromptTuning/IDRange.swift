// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The ids from 0 on, for messages: "tasks 0 to 2", "only task 0".
struct IDRange: CustomStringConvertible {
  let description: String

  /// Names `count` ids, at least one.
  init(_ noun: String, _ count: Int) {
    description = count == 1 ? "only \(noun) 0" : "\(noun)s 0 to \(count - 1)"
  }
}

extension CheckpointError {
  /// An `invalidArgument` for a task id that `owner`, which has `count` tasks, does not have.
  static func missing(
    task: Int, of count: Int, in owner: String = "the adapter"
  ) -> CheckpointError {
    .invalidArgument("there is no task \(task): \(owner) has \(IDRange("task", count))")
  }
}
