// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors

/// A part of a tensor's data that one thread reads.
struct SurveyPiece {
  /// The index of the tensor.
  let tensor: Int
  let dtype: DType
  /// The number of bytes.
  let byteCount: Int
  /// The bytes of the file to read; nil to read the whole tensor as its format does.
  let bytes: (file: InputFile, range: Range<Int>)?

  /// The largest piece in bytes, a multiple of every element's size.
  private static let mostBytes = 4 << 20

  /// The pieces of all tensors with data, in the order of the file. Tensors that are the same view as
  /// an earlier one have none.
  ///
  /// - Complexity: O(tensors + bytes / 4 MiB).
  static func all(of archive: any TensorArchive) -> [SurveyPiece] {
    var pieces: [SurveyPiece] = []
    for index in 0..<archive.tensorCount where archive.alias(of: index) == nil {
      var byteCount = 0
      var dtype = DType.uint8
      archive.describeTensor(at: index) { description in
        byteCount = description.byteCount
        dtype = description.dtype
      }
      guard byteCount > 0 else { continue }
      guard let (file, range) = archive.storedBytes(of: index) else {
        pieces.append(SurveyPiece(tensor: index, dtype: dtype, byteCount: byteCount, bytes: nil))
        continue
      }
      var start = range.lowerBound
      while start < range.upperBound {
        let end = min(start + mostBytes, range.upperBound)
        pieces.append(
          SurveyPiece(
            tensor: index, dtype: dtype, byteCount: end - start, bytes: (file, start..<end)))
        start = end
      }
    }
    return pieces
  }
}
