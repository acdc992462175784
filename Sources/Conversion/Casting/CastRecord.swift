public import Kernels
internal import Synchronization
public import Tensors

/// What casts did to the values of tensors, gathered while they are written.
public final class CastRecord: Sendable {
  /// A tensor that was cast, and what became of its values.
  public struct Entry: Sendable, Hashable {
    /// The tensor, as the output calls it.
    public let name: TensorName
    /// What it was.
    public let source: DType
    /// What it is.
    public let destination: DType
    /// What happened to its elements.
    public let counts: CastCounts
  }

  private let state = Mutex<[Entry]>([])

  init() {}

  /// The tensors cast so far, in the order of writing.
  public var entries: [Entry] { state.withLock { $0 } }

  func add(_ entry: Entry) {
    state.withLock { $0.append(entry) }
  }
}
