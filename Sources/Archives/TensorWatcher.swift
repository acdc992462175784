// SPDX-License-Identifier: Apache-2.0
public import Files
public import Tensors

/// Observes tensors as they are written to a file, for example to compute digests.
public protocol TensorWatcher: AnyObject, Sendable {
  /// Starts observing the next tensor, described as a reader of the file will see it.
  ///
  /// - Returns: the observer that receives its bytes, all of them and in order, before `finish` is
  ///   called with it.
  func watch(_ tensor: TensorInfo) -> any ByteObserver

  /// Ends observing a tensor; its observer has received all bytes.
  func finish(_ tensor: TensorInfo, shownTo observer: any ByteObserver)
}
