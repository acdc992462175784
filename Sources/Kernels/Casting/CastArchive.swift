// SPDX-License-Identifier: Apache-2.0
package import Archives
package import Files
package import Tensors

/// An archive that casts some tensors to other dtypes while they are read (spec/casts.md).
package final class CastArchive: ArchiveDecorator {
  package let base: any TensorArchive
  private let casts: [Cast?]
  private let infos: [TensorInfo]
  private let record: CastRecord

  /// The number of elements that are cast at a time: a multiple of every block.
  private static let blockElementCount = 1 << 16

  /// Casts the tensors of an archive.
  ///
  /// - Parameters:
  ///   - dtypes: the new dtype of each tensor.
  ///   - record: collects what happened to the values each time that a tensor is read.
  /// - Throws: `unsupported`, naming the tensor, for a cast that does not exist.
  package init(
    _ base: any TensorArchive, to dtypes: [DType], record: CastRecord
  ) throws(CheckpointError) {
    var casts: [Cast?] = []
    var infos: [TensorInfo] = []
    for (index, dtype) in dtypes.enumerated() {
      let info = base.tensor(at: index)
      guard dtype != info.dtype else {
        casts.append(nil)
        infos.append(info)
        continue
      }
      do throws(CheckpointError) {
        casts.append(try Cast(from: info.dtype, to: dtype))
        infos.append(try TensorInfo(name: info.name, dtype: dtype, shape: info.shape))
      } catch {
        throw error.naming(tensor: info.name).inFile(base.path)
      }
    }
    self.base = base
    self.casts = casts
    self.infos = infos
    self.record = record
  }

  package func tensor(at index: Int) -> TensorInfo { infos[index] }

  package func withTensor<R>(
    at index: Int, _ body: (TensorView) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    guard casts[index] != nil else { return try base.withTensor(at: index, body) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(infos[index].byteCount)
    try readTensor(at: index) { piece throws(CheckpointError) in
      bytes.append(copying: piece)
    }
    return try body(
      TensorView(dtype: infos[index].dtype, shape: infos[index].shape, bytes: bytes.span.rawBytes))
  }

  package func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    guard let cast = casts[index] else { return try base.readTensor(at: index, to: sink) }
    let size = cast.destinationUnitByteCount
    var buffer = [UInt8](
      repeating: 0, count: Self.blockElementCount / cast.unitElementCount * size)
    try run(cast, at: index) { block, count, counts, first throws(CheckpointError) in
      let byteCount = count * size
      do {
        var bytes = buffer.mutableRawBytes
        var output = bytes._mutatingExtracting(0..<byteCount)
        try cast.run(block, into: &output, counts: &counts, firstElement: first)
      }
      try sink(buffer.span.rawBytes.extracting(0..<byteCount))
    }
  }

  package func copyTensor(at index: Int, to output: inout AtomicFile) throws(CheckpointError) {
    guard let cast = casts[index] else { return try base.copyTensor(at: index, to: &output) }
    try run(cast, at: index) { block, count, counts, first throws(CheckpointError) in
      try output.append(byteCount: count * cast.destinationUnitByteCount) {
        bytes throws(CheckpointError) in
        try cast.run(block, into: &bytes, counts: &counts, firstElement: first)
      }
    }
  }

  /// Calls a closure with the tensor's data in blocks of whole units, the number of units of each, and
  /// the index of its first element.
  private func run(
    _ cast: Cast, at index: Int,
    _ body: (
      _ block: RawSpan, _ count: Int, _ counts: inout CastCounts, _ first: Int
    ) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    var counts = CastCounts()
    var first = 0
    let size = cast.sourceUnitByteCount
    let step = Self.blockElementCount / cast.unitElementCount * size
    // The start of a unit that ends in the next piece.
    var rest: [UInt8] = []
    do throws(CheckpointError) {
      try base.readTensor(at: index) { piece throws(CheckpointError) in
        var offset = 0
        if !rest.isEmpty {
          offset = min(size - rest.count, piece.byteCount)
          rest.append(copying: piece.extracting(0..<offset))
          guard rest.count == size else { return }
          try body(rest.span.rawBytes, 1, &counts, first)
          first += cast.unitElementCount
          rest = []
        }
        while piece.byteCount - offset >= size {
          let byteCount = min(step, (piece.byteCount - offset) / size * size)
          let block = piece.extracting(offset..<offset + byteCount)
          try body(block, byteCount / size, &counts, first)
          first += byteCount / size * cast.unitElementCount
          offset += byteCount
        }
        rest.append(copying: piece.extracting(offset..<piece.byteCount))
      }
    } catch {
      throw error.naming(tensor: infos[index].name)
    }
    record.add(
      CastRecord.Entry(
        name: infos[index].name, source: cast.source, destination: cast.destination,
        counts: counts))
  }
}
