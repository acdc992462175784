// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Concurrency
internal import Files
internal import Kernels
internal import Tensors

/// Two tensors with the same name in two archives.
struct TensorPair {
  let left: any TensorArchive
  let leftIndex: Int
  let right: any TensorArchive
  let rightIndex: Int

  /// The differences; nil when the tensors are the same.
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

  /// The largest tensor, in bytes, that is read whole, which is faster than on another thread.
  private static let smallByteCount = 1 << 20

  /// Calls a closure with pieces of both tensors that have the same number of elements. Both are
  /// read with calls, in pieces: the left one on this thread, the right one on another.
  private func forEachPiece(
    _ body: (RawSpan, RawSpan) -> Void
  ) throws(CheckpointError) {
    if right.tensor(at: rightIndex).byteCount <= Self.smallByteCount {
      var whole: [UInt8]? = []
      try readRight { piece throws(CheckpointError) in
        whole?.append(copying: piece)
      }
      return try match(body) { () throws(CheckpointError) in whole.take() }
    }
    try PieceStream.withPieces({ sink throws(CheckpointError) in try readRight(sink) }) {
      stream throws(CheckpointError) in
      try match(body) { () throws(CheckpointError) in try stream.next() }
    }
  }

  private func readRight(
    _ sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    do throws(CheckpointError) {
      try right.readTensor(at: rightIndex, to: sink)
    } catch {
      throw error.naming(tensor: right.tensor(at: rightIndex).name).inFile(right.path)
    }
  }

  /// Reads the left tensor, and fetches pieces of the right one as they are needed.
  private func match(
    _ body: (RawSpan, RawSpan) -> Void,
    _ next: () throws(CheckpointError) -> [UInt8]?
  ) throws(CheckpointError) {
    let (leftUnit, rightUnit) = units
    var other: [UInt8] = []
    var taken = 0
    do throws(CheckpointError) {
      try left.readTensor(at: leftIndex) { piece throws(CheckpointError) in
        var read = 0
        while read < piece.byteCount {
          if taken == other.count {
            guard let next = try next() else { throw unequal }
            (other, taken) = (next, 0)
            continue
          }
          let count = min(
            (piece.byteCount - read) / leftUnit, (other.count - taken) / rightUnit)
          let (readEnd, takenEnd) = (read + count * leftUnit, taken + count * rightUnit)
          body(
            piece.extracting(read..<readEnd), other.span.rawBytes.extracting(taken..<takenEnd))
          (read, taken) = (readEnd, takenEnd)
        }
      }
    } catch {
      throw error.naming(tensor: left.tensor(at: leftIndex).name).inFile(left.path)
    }
    // A checksum is known only after the last piece.
    while let rest = try next() {
      guard rest.isEmpty, taken == other.count else { throw unequal }
    }
  }

  private var unequal: CheckpointError {
    CheckpointError(
      .mismatch, "its data is not of the size that its shape and dtype give", path: right.path,
      tensor: right.tensor(at: rightIndex).name)
  }

  /// The sizes, in bytes, of the units that are compared: an element, or a byte if both elements
  /// have the same size, which may be less than a byte.
  private var units: (left: Int, right: Int) {
    let leftBits = left.tensor(at: leftIndex).dtype.bitCount
    let rightBits = right.tensor(at: rightIndex).dtype.bitCount
    return leftBits == rightBits ? (1, 1) : (leftBits / 8, rightBits / 8)
  }
}
