public import Files
public import Tensors

/// Is told of the tensors on their way into a file, for example to take their digests.
public protocol TensorWatcher: AnyObject, Sendable {
  /// Takes note of the next tensor, as a reader of the file will see it.
  ///
  /// - Returns: who is to be shown its bytes, all of them and in order, before `finish` is called with
  ///   the same observer.
  func watch(_ tensor: TensorInfo) -> any ByteObserver

  /// Takes note that all bytes of a tensor have been shown.
  func finish(_ tensor: TensorInfo, shownTo observer: any ByteObserver)
}
