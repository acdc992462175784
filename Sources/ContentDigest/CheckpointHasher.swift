// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
internal import Synchronization
public import Tensors

/// Computes the digest of a checkpoint while it is written, from the tensors as readers will see them.
public final class CheckpointHasher: TensorWatcher {
  private let digests = Mutex<[(name: TensorName, digest: TensorDigest)]>([])

  /// Creates a hasher without tensors.
  public init() {}

  /// The digest of all tensors so far.
  ///
  /// - Complexity: O(tensors · log tensors).
  public var digest: CheckpointDigest { CheckpointDigest(digests.withLock { $0 }) }

  /// Starts a tensor.
  public func watch(_ tensor: TensorInfo) -> any ByteObserver {
    Observer(TensorHasher(tensor))
  }

  /// Ends a tensor. An observer that `watch` did not return traps.
  public func finish(_ tensor: TensorInfo, shownTo observer: any ByteObserver) {
    guard let observer = observer as? Observer else {
      preconditionFailure("the observer must be the tensor's")
    }
    digests.withLock { $0.append((tensor.name, observer.hasher.finish())) }
  }

  private final class Observer: ByteObserver {
    var hasher: TensorHasher

    init(_ hasher: TensorHasher) { self.hasher = hasher }

    func observe(_ bytes: RawSpan) { hasher.update(bytes) }
  }
}
