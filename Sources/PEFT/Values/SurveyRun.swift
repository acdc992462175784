// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
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

  /// The bytes read at a time, which stay in the second-level cache; a multiple of every element's
  /// size.
  private static let bufferByteCount = 256 << 10

  init(_ pieces: [SurveyPiece]) {
    self.pieces = pieces
    state = Mutex(State(surveys: Array(repeating: nil, count: pieces.count)))
  }

  /// Surveys pieces until none is left, or one cannot be read.
  func work(on archive: any TensorArchive) {
    let largest = pieces.lazy.filter { $0.bytes != nil }.map(\.byteCount).max() ?? 0
    var buffer = [UInt8](repeating: 0, count: min(Self.bufferByteCount, largest))
    while let index = next() {
      do throws(CheckpointError) {
        let survey = try survey(pieces[index], of: archive, &buffer)
        state.withLock { $0.surveys[index] = survey }
      } catch {
        let name = archive.tensor(at: pieces[index].tensor).name
        let error = error.naming(tensor: name).inFile(archive.path)
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

  private func survey(
    _ piece: SurveyPiece, of archive: any TensorArchive, _ buffer: inout [UInt8]
  ) throws(CheckpointError) -> ValueSurvey {
    var survey = ValueSurvey(of: piece.dtype)
    guard let (file, range) = piece.bytes else {
      try archive.readTensor(at: piece.tensor) { bytes throws(CheckpointError) in
        survey.add(bytes)
      }
      return survey
    }
    var offset = range.lowerBound
    while offset < range.upperBound {
      var bytes = buffer.mutableRawBytes
      var part = bytes._mutatingExtracting(
        0..<min(bytes.byteCount, range.upperBound - offset))
      try file.read(at: offset, into: &part)
      survey.add(part.bytes)
      offset += part.byteCount
    }
    return survey
  }
}
