// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
public import Tensors

/// The effects of casts on the values of tensors, collected while they are written.
public final class CastRecord: Sendable {
  /// A tensor that was cast, and the effects on its values.
  public struct Entry: Sendable, Hashable {
    /// The name of the tensor in the output.
    public let name: TensorName
    /// The dtype in the source.
    public let source: DType
    /// The dtype in the output.
    public let destination: DType
    /// The counts of affected elements.
    public let counts: CastCounts
  }

  private let state = Mutex<[Entry]>([])

  /// Creates an empty record.
  package init() {}

  /// The tensors cast so far, in the order of writing.
  public var entries: [Entry] { state.withLock { $0 } }

  func add(_ entry: Entry) {
    state.withLock { $0.append(entry) }
  }
}
