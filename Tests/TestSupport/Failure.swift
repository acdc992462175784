// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// The error that `body` throws, nil when it throws none. In contrast to `#expect(throws:)`, `body`
/// may consume values that cannot be copied.
public func failure(_ body: () throws(CheckpointError) -> Void) -> CheckpointError? {
  do throws(CheckpointError) {
    try body()
    return nil
  } catch {
    return error
  }
}
