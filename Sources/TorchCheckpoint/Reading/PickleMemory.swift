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

/// Remembers what came of the pickle that was read last.
///
/// The adapters of a training run differ in nothing but their data, and going through its pickle is
/// half of what opening a small file takes.
enum PickleMemory {
  private final class Entry: Sendable {
    let source: PickleSource
    let tensors: PickledTensors

    init(_ source: PickleSource, _ tensors: PickledTensors) {
      self.source = source
      self.tensors = tensors
    }
  }

  /// The largest pickle that is remembered: what comes of it takes some times as much.
  private static let largestByteCount = 1 << 16
  private static let last = Mutex<Entry?>(nil)

  /// What came of this very pickle, if it was the last one.
  static func tensors(of source: PickleSource) -> PickledTensors? {
    guard let entry = last.withLock({ $0 }), entry.source.isSame(as: source) else { return nil }
    return entry.tensors
  }

  /// Remembers what came of a pickle instead of what came of the one before.
  static func remember(_ tensors: PickledTensors, of source: PickleSource) {
    guard source.bytes.count <= largestByteCount else { return }
    let entry = Entry(source, tensors)
    last.withLock { $0 = entry }
  }
}
