// SPDX-License-Identifier: Apache-2.0
package import Archives
internal import Concurrency
package import Kernels
package import Tensors

extension TensorArchive {
  /// The bytes that justify another thread.
  private var byteCountPerThread: Int { 8 << 20 }

  /// Surveys the values of all tensors in one read of their data, large ones on all CPUs.
  ///
  /// - Returns: a survey for each tensor.
  /// - Throws: what reading the data throws, for the first tensor that cannot be read.
  /// - Complexity: O(bytes), in constant memory for each CPU. A tensor that is the same view as another
  ///   is read once.
  package func surveyValues() throws(CheckpointError) -> [ValueSurvey] {
    let pieces = SurveyPiece.all(of: self)
    let byteCount = pieces.reduce(0) { $0.addingReportingOverflow($1.byteCount).partialValue }
    let threads = min(AvailableCPUs.count, max(0, byteCount) / byteCountPerThread + 1)
    let results = try threads == 1 ? surveys(of: pieces) : surveys(of: pieces, threads: threads)
    var surveys = (0..<tensorCount).map { ValueSurvey(of: tensor(at: $0).dtype) }
    for (piece, result) in zip(pieces, results) { surveys[piece.tensor].append(result) }
    for index in 0..<tensorCount {
      if let first = alias(of: index) { surveys[index] = surveys[first] }
    }
    return surveys
  }

  private func surveys(of pieces: [SurveyPiece]) throws(CheckpointError) -> [ValueSurvey] {
    var buffer = SurveyBuffer(for: pieces)
    var surveys: [ValueSurvey] = []
    surveys.reserveCapacity(pieces.count)
    for piece in pieces { surveys.append(try piece.survey(of: self, &buffer)) }
    return surveys
  }

  private func surveys(
    of pieces: [SurveyPiece], threads: Int
  ) throws(CheckpointError) -> [ValueSurvey] {
    let run = SurveyRun(pieces)
    WorkerPool.run(count: threads) { run.work(on: self) }
    return try run.results()
  }
}
