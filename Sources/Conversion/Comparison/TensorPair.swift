internal import Files
internal import Kernels
internal import Tensors

/// Two tensors of one name in two archives.
struct TensorPair {
  let left: any TensorArchive
  let leftIndex: Int
  let right: any TensorArchive
  let rightIndex: Int

  /// How they differ; nil when they are the same.
  ///
  /// - Complexity: O(bytes) when the shapes agree.
  func compared() throws(CheckpointError) -> TensorChange? {
    let (leftInfo, rightInfo) = (left.tensor(at: leftIndex), right.tensor(at: rightIndex))
    guard
      leftInfo.shape == rightInfo.shape,
      var differences = ElementDifferences(leftInfo.dtype, rightInfo.dtype)
    else { return TensorChange(left: leftInfo, right: rightInfo, elements: nil) }
    try forEachPiece { leftPiece, rightPiece in differences.add(leftPiece, rightPiece) }
    if leftInfo.dtype == rightInfo.dtype, differences.isEmpty { return nil }
    return TensorChange(left: leftInfo, right: rightInfo, elements: differences)
  }

  /// Lends as many elements of both at a time: one is read in pieces, the other lent whole, which
  /// takes no memory where its file holds it as it is.
  private func forEachPiece(
    _ body: (RawSpan, RawSpan) -> Void
  ) throws(CheckpointError) {
    let lendsLeft =
      right.location(of: rightIndex).access != .contiguous
      && left.location(of: leftIndex).access == .contiguous
    if lendsLeft {
      try Self.forEachPiece(of: right, rightIndex, with: left, leftIndex) { read, lent in
        body(lent, read)
      }
    } else {
      try Self.forEachPiece(of: left, leftIndex, with: right, rightIndex, body)
    }
  }

  private static func forEachPiece(
    of archive: any TensorArchive, _ index: Int, with lender: any TensorArchive, _ lentIndex: Int,
    _ body: (_ read: RawSpan, _ lent: RawSpan) -> Void
  ) throws(CheckpointError) {
    let readBits = archive.tensor(at: index).dtype.bitCount
    let lentBits = lender.tensor(at: lentIndex).dtype.bitCount
    do throws(CheckpointError) {
      try lender.withTensor(at: lentIndex) { view throws(CheckpointError) in
        var offset = 0
        do throws(CheckpointError) {
          try archive.readTensor(at: index) { piece throws(CheckpointError) in
            // Two dtypes differ in size here only where both are of whole bytes.
            let count = piece.byteCount / (readBits == lentBits ? 1 : readBits / 8)
            let end = offset + count * (readBits == lentBits ? 1 : lentBits / 8)
            body(piece, view.bytes.extracting(offset..<end))
            offset = end
          }
        } catch {
          throw error.naming(tensor: archive.tensor(at: index).name).inFile(archive.path)
        }
      }
    } catch {
      throw error.naming(tensor: lender.tensor(at: lentIndex).name).inFile(lender.path)
    }
  }
}
