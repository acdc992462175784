// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Kernels
internal import Tensors

/// The memory that one thread reads tensors into.
struct SurveyBuffer {
  fileprivate var bytes: [UInt8]

  /// The bytes read at a time, which stay in the second-level cache; a multiple of every element's
  /// size.
  private static let mostBytes = 256 << 10

  /// Allocates memory for pieces, no more than the largest one takes.
  init(for pieces: [SurveyPiece]) {
    let largest = pieces.lazy.filter { $0.bytes != nil }.map(\.byteCount).max() ?? 0
    bytes = [UInt8](repeating: 0, count: min(Self.mostBytes, largest))
  }
}

extension SurveyPiece {
  /// Surveys the values of the piece.
  ///
  /// - Throws: what reading the data throws, naming the tensor.
  func survey(
    of archive: any TensorArchive, _ buffer: inout SurveyBuffer
  ) throws(CheckpointError) -> ValueSurvey {
    var survey = ValueSurvey(of: dtype)
    do throws(CheckpointError) {
      guard let (file, range) = bytes else {
        try archive.readTensor(at: tensor) { bytes throws(CheckpointError) in survey.add(bytes) }
        return survey
      }
      var offset = range.lowerBound
      while offset < range.upperBound {
        var bytes = buffer.bytes.mutableRawBytes
        var part = bytes._mutatingExtracting(
          0..<min(bytes.byteCount, range.upperBound - offset))
        try file.read(at: offset, into: &part)
        survey.add(part.bytes)
        offset += part.byteCount
      }
      return survey
    } catch {
      throw error.naming(tensor: archive.tensor(at: tensor).name).inFile(archive.path)
    }
  }
}
