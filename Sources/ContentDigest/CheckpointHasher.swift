public import Archives
public import Files
internal import Synchronization
public import Tensors

/// Takes the digest of a checkpoint while it is written, of the tensors as its readers will see them.
public final class CheckpointHasher: TensorWatcher {
  private let digests = Mutex<[(name: TensorName, digest: TensorDigest)]>([])

  /// Starts without tensors.
  public init() {}

  /// The digest of all tensors seen so far.
  ///
  /// - Complexity: O(tensors · log tensors).
  public var digest: CheckpointDigest { CheckpointDigest(digests.withLock { $0 }) }

  /// Starts with a tensor.
  public func watch(_ tensor: TensorInfo) -> any ByteObserver {
    Observer(TensorHasher(tensor))
  }

  /// Ends with a tensor. An observer that `watch` did not make is a caller's bug and traps.
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
