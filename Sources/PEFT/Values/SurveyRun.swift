// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Kernels
internal import Synchronization
internal import Tensors

/// The state that the threads of a survey share.
final class SurveyRun: Sendable {
  private struct State {
    var next = 0
    var surveys: [ValueSurvey?]
    /// The error of the first piece that cannot be read.
    var failure: (piece: Int, error: CheckpointError)?
  }

  private let pieces: [SurveyPiece]
  private let state: Mutex<State>

  init(_ pieces: [SurveyPiece]) {
    self.pieces = pieces
    state = Mutex(State(surveys: Array(repeating: nil, count: pieces.count)))
  }

  /// Surveys pieces until none is left, or one cannot be read.
  func work(on archive: any TensorArchive) {
    var buffer = SurveyBuffer(for: pieces)
    while let index = next() {
      do throws(CheckpointError) {
        let survey = try pieces[index].survey(of: archive, &buffer)
        state.withLock { $0.surveys[index] = survey }
      } catch {
        state.withLock { state in
          if index < state.failure?.piece ?? .max { state.failure = (index, error) }
        }
      }
    }
  }

  /// The surveys of the pieces, after all threads have returned.
  ///
  /// - Throws: the error of the first piece that cannot be read.
  func results() throws(CheckpointError) -> [ValueSurvey] {
    let state = state.withLock { $0 }
    if let failure = state.failure { throw failure.error }
    return state.surveys.compactMap { $0 }
  }

  private func next() -> Int? {
    state.withLock { state in
      guard state.failure == nil, state.next < pieces.count else { return nil }
      defer { state.next += 1 }
      return state.next
    }
  }
}
