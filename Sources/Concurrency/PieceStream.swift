// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// A stream of pieces that another thread reads, so that the caller can read a second input in
/// parallel.
///
/// The other thread is at most two pieces ahead.
package final class PieceStream: Sendable {
  private struct State {
    var pieces: [[UInt8]] = []
    /// The result of reading; nil until it ends.
    var end: Result<Void, CheckpointError>?
    var isAbandoned = false
  }

  private static let mostPieces = 2
  private let state = Monitor(State())

  private init() {}

  /// Runs `read` on another thread, and calls `body` with the stream of the pieces that it passes
  /// to its sink.
  ///
  /// - Throws: what `body` throws; `system` when no thread can be started.
  package static func withPieces<R>(
    _ read:
      @escaping @Sendable (
        _ sink: (RawSpan) throws(CheckpointError) -> Void
      ) throws(CheckpointError) -> Void,
    _ body: (PieceStream) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    let stream = PieceStream()
    guard let helper = SystemThread.start({ stream.fill(read) }) else {
      throw CheckpointError(.system, "cannot start a thread")
    }
    let result: Result<R, CheckpointError>
    do throws(CheckpointError) {
      result = .success(try body(stream))
    } catch {
      result = .failure(error)
    }
    stream.state.withLock { $0.isAbandoned = true }
    helper.join()
    return try result.get()
  }

  /// Waits for the next piece; nil at the end.
  ///
  /// - Throws: what `read` throws.
  package func next() throws(CheckpointError) -> [UInt8]? {
    let result: Result<[UInt8]?, CheckpointError> = state.wait { state in
      if !state.pieces.isEmpty { return .success(state.pieces.removeFirst()) }
      return state.end.map { end in end.map { nil } }
    }
    return try result.get()
  }

  private func fill(
    _ read: (_ sink: (RawSpan) throws(CheckpointError) -> Void) throws(CheckpointError) -> Void
  ) {
    let end: Result<Void, CheckpointError>
    do throws(CheckpointError) {
      try read { piece throws(CheckpointError) in try put(piece) }
      end = .success(())
    } catch {
      end = .failure(error)
    }
    state.withLock { $0.end = end }
  }

  private func put(_ piece: RawSpan) throws(CheckpointError) {
    // SAFETY: the buffer is copied before the closure returns.
    let bytes = unsafe piece.withUnsafeBytes { unsafe Array($0) }
    let isTaken = state.wait { state -> Bool? in
      if state.isAbandoned { return false }
      guard state.pieces.count < Self.mostPieces else { return nil }
      state.pieces.append(bytes)
      return true
    }
    // Never surfaces: the consumer that stopped already has its own result.
    guard isTaken else { throw CheckpointError(.interrupted, "the consumer has stopped") }
  }
}
