internal import Archives
internal import Concurrency
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

  /// A tensor of at most so many bytes is read whole, which is faster than by another thread.
  private static let smallByteCount = 1 << 20

  /// Lends as many elements of both at a time. Both are read, neither is mapped or held: the left one
  /// here, the right one by another thread.
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

  /// Reads the left tensor, and takes pieces of the right one as they are needed.
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
    // What a container says of its data is known behind the last piece.
    while let rest = try next() {
      guard rest.isEmpty, taken == other.count else { throw unequal }
    }
  }

  private var unequal: CheckpointError {
    CheckpointError(
      .mismatch, "gives other bytes than its shape and dtype make", path: right.path,
      tensor: right.tensor(at: rightIndex).name)
  }

  /// The bytes of what is compared at a time, on either side: an element; a byte where both have the
  /// same size, which may be a part of one.
  private var units: (left: Int, right: Int) {
    let leftBits = left.tensor(at: leftIndex).dtype.bitCount
    let rightBits = right.tensor(at: rightIndex).dtype.bitCount
    return leftBits == rightBits ? (1, 1) : (leftBits / 8, rightBits / 8)
  }
}
