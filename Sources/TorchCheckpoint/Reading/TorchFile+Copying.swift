// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors
internal import ZipArchive

extension TorchFile {
  /// The largest compressed record, in bytes, whose scattered elements are read: it is decompressed in
  /// memory.
  private static let largestScatteredRecord = 32 << 20
  /// The largest piece of bytes in memory, in bytes: a multiple of the size of every element.
  private static let pieceByteCount = 1 << 20

  /// Receives the next piece of a tensor's data.
  typealias Sink = (RawSpan) throws(CheckpointError) -> Void

  /// The range of a tensor's data in the file; nil if the file does not contain it unchanged.
  func rangeInFile(of tensor: TorchTensor) -> Range<Int>? {
    let storage = contents.storages[tensor.storage]
    guard tensor.isContiguous, !storage.isDeflated, storage.contents == nil, !needsSwap(tensor)
    else { return nil }
    let start = tensor.byteCount == 0 ? storage.start : storage.start + tensor.start
    return start..<start + tensor.byteCount
  }

  private func needsSwap(_ tensor: TorchTensor) -> Bool {
    let storage = contents.storages[tensor.storage]
    let isBigEndian = storage.contents == nil ? contents.isBigEndian : storage.isBigEndian
    return isBigEndian && tensor.torchDType.componentByteCount > 1
  }

  /// Writes the data of a tensor.
  func copy(_ tensor: TorchTensor, to output: inout AtomicFile) throws(CheckpointError) {
    guard tensor.byteCount > 0 else { return }
    try checkData()
    guard let range = rangeInFile(of: tensor) else {
      return try pass(tensor) { chunk throws(CheckpointError) in try output.write(chunk) }
    }
    guard let entry = unverifiedEntry(of: tensor) else {
      return try output.copy(from: file, range: range)
    }
    guard entry.value.dataRange == range else {
      // Another thread may be reading the whole record, and verifying it.
      try output.settleChecks()
      try verifyChecksum(of: tensor)
      return try output.copy(from: file, range: range)
    }
    // The checksum of a whole record is computed while it is copied.
    try output.copy(
      from: file, range: range, check: RecordCheck(entry.index, of: entry.records))
  }

  /// A copy of the data of a tensor.
  func materialize(_ tensor: TorchTensor) throws(CheckpointError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(tensor.byteCount)
    guard tensor.byteCount > 0 else { return bytes }
    try pass(tensor) { chunk throws(CheckpointError) in
      bytes.append(copying: chunk)
    }
    return bytes
  }

  /// Refuses to read data that was never written.
  private func checkData() throws(CheckpointError) {
    guard contents.lacksData else { return }
    throw CheckpointError(
      .unsupported, "was saved without its data (torch.serialization.skip_data)",
      hint: "save it again, with its data")
  }

  /// Verifies the checksum of a tensor's record, unless that has been done.
  func verifyChecksum(of tensor: TorchTensor) throws(CheckpointError) {
    try checkData()
    guard let entry = contents.storages[tensor.storage].entry else { return }
    try records?.verify(entry)
  }

  /// The zip entry of a tensor's storage; nil if its checksum need not be verified.
  private func unverifiedEntry(
    of tensor: TorchTensor
  ) -> (records: ZipRecords, index: Int, value: ZipEntry)? {
    guard
      let records, let index = contents.storages[tensor.storage].entry,
      !records.isVerified(index)
    else { return nil }
    return (records, index, records.index.entries[index])
  }

  /// Passes the data of a tensor to a sink in pieces: gathered, swapped and decompressed.
  func pass(_ tensor: TorchTensor, to sink: Sink) throws(CheckpointError) {
    try checkData()
    let storage = contents.storages[tensor.storage]
    if tensor.strides == nil {
      let finish = ElementTransform(tensor, swapsBytes: needsSwap(tensor))
      let wanted = tensor.start..<tensor.start + tensor.byteCount
      if let bytes = storage.contents {
        for start in stride(from: wanted.lowerBound, to: wanted.upperBound, by: Self.pieceByteCount)
        {
          var piece = Array(bytes[start..<min(start + Self.pieceByteCount, wanted.upperBound)])
          var elements = piece.mutableRawBytes
          finish.apply(to: &elements)
          try sink(piece.span.rawBytes)
        }
        return
      }
      if let records, let entry = storage.entry {
        return try records.read(entry, wanted) { piece throws(CheckpointError) in
          finish.apply(to: &piece)
          try sink(piece.bytes)
        }
      }
      let range = storage.start + wanted.lowerBound..<storage.start + wanted.upperBound
      return try file.readPieces(range) { piece throws(CheckpointError) in
        finish.apply(to: &piece)
        try sink(piece.bytes)
      }
    }
    let sizes = tensor.sizes
    try elements(of: tensor).read(from: sizes.map { _ in 0 }, sizes, to: sink)
  }

  /// The elements of a tensor; the checksum of its record is verified.
  func elements(of tensor: TorchTensor) throws(CheckpointError) -> StridedElements {
    let storage = contents.storages[tensor.storage]
    let source: GatherSource
    if let bytes = storage.contents {
      source = .memory(bytes)
    } else if storage.isDeflated, let entry = storage.entry, let zip = contents.zip {
      guard storage.byteCount <= Self.largestScatteredRecord else {
        throw CheckpointError(
          .unsupported,
          "shows scattered elements of a compressed record of \(storage.byteCount) "
            + "bytes", hint: "store the archive without compression")
      }
      source = .memory(
        try zip.contents(of: zip.entries[entry], in: file, limit: Self.largestScatteredRecord + 8))
    } else {
      try verifyChecksum(of: tensor)
      source = .file(file, start: storage.start, byteCount: storage.byteCount)
    }
    let transform = ElementTransform(tensor, swapsBytes: needsSwap(tensor))
    let byteCount = tensor.torchDType.byteCount
    guard let strides = tensor.strides else {
      return StridedElements(
        in: source, start: tensor.start, sizes: tensor.sizes, elementByteCount: byteCount,
        transform: transform)
    }
    return StridedElements(
      in: source, start: tensor.start, steps: strides.map { $0 &* byteCount },
      elementByteCount: byteCount, transform: transform)
  }
}
