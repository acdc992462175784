// SPDX-License-Identifier: Apache-2.0
internal import Kernels
internal import Tensors

/// Rows that are replaced by others.
struct ReplacedRows: RowChange {
  /// The rows of the region, or those with the indices, as they are written.
  private let bytes: [UInt8]
  private let rowByteCount: Int
  /// The row of each index; nil for all rows.
  private let places: [Int: Int]?

  init(bytes: [UInt8], indices: [Int]?, rowByteCount: Int) {
    self.bytes = bytes
    self.rowByteCount = rowByteCount
    places = indices.map { indices in
      Dictionary(zip(indices, indices.indices), uniquingKeysWith: { $1 })
    }
  }

  mutating func apply(to rows: inout MutableRawSpan, at first: Int) -> UpdateSums? {
    guard let places else {
      let start = first * rowByteCount
      rows.copyBytes(of: bytes.span.rawBytes.extracting(start..<start + rows.byteCount))
      return nil
    }
    for row in 0..<rows.byteCount / rowByteCount {
      guard let place = places[first + row] else { continue }
      var target = rows._mutatingExtracting(row * rowByteCount..<(row + 1) * rowByteCount)
      target.copyBytes(
        of: bytes.span.rawBytes.extracting(place * rowByteCount..<(place + 1) * rowByteCount))
    }
    return nil
  }
}
