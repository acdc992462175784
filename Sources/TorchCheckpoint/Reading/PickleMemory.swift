internal import Synchronization
internal import Tensors

/// What the pickle of a zip archive says, before anybody looks for the records of its storages.
struct PickledTensors: Sendable {
  let storages: [TorchStorage]
  let table: TensorTable
}

/// All that decides what comes of the pickle of a zip archive without compressed storages.
struct PickleSource: Sendable {
  let bytes: [UInt8]
  /// Where it starts in the file.
  let base: Int
  let dialect: PickleDialect
  /// What it takes in the file.
  let storedByteCount: Int
  /// The size of the file.
  let fileByteCount: Int

  /// What it may ask for.
  var limits: PickleLimits {
    PickleLimits(fileByteCount: fileByteCount, pickleByteCount: storedByteCount)
  }

  func isSame(as other: Self) -> Bool {
    base == other.base && dialect == other.dialect && storedByteCount == other.storedByteCount
      && fileByteCount == other.fileByteCount && bytes.span.hasSameBytes(as: other.bytes.span)
  }
}

/// Remembers what came of a pickle that has come twice in a row, until another one does.
///
/// The adapters of a training run differ in nothing but their data, and going through its pickle is
/// half of what opening a small file takes. Where each file has its own, nothing is kept.
enum PickleMemory {
  private final class Entry: Sendable {
    let source: PickleSource
    let tensors: PickledTensors

    init(_ source: PickleSource, _ tensors: PickledTensors) {
      self.source = source
      self.tensors = tensors
    }
  }

  private struct State {
    var entry: Entry?
    /// The hash of the pickle that came last.
    var lastHash = 0
  }

  /// The largest pickle that is remembered: what comes of it takes some times as much.
  private static let largestByteCount = 1 << 16
  private static let state = Mutex(State())

  /// What came of this very pickle, if that is remembered.
  static func tensors(of source: PickleSource) -> PickledTensors? {
    guard let entry = state.withLock({ $0.entry }), entry.source.isSame(as: source) else {
      return nil
    }
    return entry.tensors
  }

  /// Notes that a pickle is gone through.
  ///
  /// - Returns: whether what comes of it is worth remembering.
  static func note(_ source: PickleSource) -> Bool {
    guard source.bytes.count <= largestByteCount else { return false }
    var hasher = Hasher()
    source.bytes.span.hash(into: &hasher)
    let hash = hasher.finalize()
    return state.withLock { state in
      defer { state.lastHash = hash }
      return state.lastHash == hash
    }
  }

  /// Remembers what came of a pickle.
  static func remember(_ tensors: PickledTensors, of source: PickleSource) {
    let entry = Entry(source, tensors)
    state.withLock { $0.entry = entry }
  }
}
