internal import Archives
internal import Files
internal import Tensors
internal import ZipArchive

/// Where the bytes of an array stand, header first.
enum NpySource {
  /// They are a file.
  case file(InputFile)
  /// They are the record at a place of an archive's index.
  case record(ZipRecords, Int, InputFile)

  /// The largest compressed array in Fortran order that is read: it is held in memory.
  private static let largestScatteredRecord = 256 << 20

  /// Whether the file has them compressed.
  var isCompressed: Bool {
    guard case .record(let records, let place, _) = self else { return false }
    return records.index.entries[place].method == .deflated
  }

  /// Passes a part of the bytes on in pieces.
  func readPieces(
    _ range: Range<Int>, to sink: (inout MutableRawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    switch self {
    case .file(let file): try file.readPieces(range, to: sink)
    case .record(let records, let place, _): try records.read(place, range, to: sink)
    }
  }

  /// Compares the checksum, where there is one and that has not been done.
  func verify() throws(CheckpointError) {
    if case .record(let records, let place, _) = self { try records.verify(place) }
  }

  /// The bytes for reads all over them.
  ///
  /// - Throws: `unsupported` when they are too many to be decompressed as a whole.
  func gatherSource(byteCount: Int) throws(CheckpointError) -> GatherSource {
    switch self {
    case .file(let file): return .file(file, start: 0, byteCount: byteCount)
    case .record(let records, let place, let file):
      let entry = records.index.entries[place]
      guard entry.method == .deflated else {
        try records.verify(place)
        return .file(file, start: entry.dataOffset, byteCount: byteCount)
      }
      guard entry.byteCount <= Self.largestScatteredRecord else {
        throw CheckpointError(
          .unsupported,
          "is compressed and in Fortran order, and has \(entry.byteCount) bytes, more than the "
            + "\(Self.largestScatteredRecord) supported",
          hint: "save it uncompressed, or in C order with numpy.ascontiguousarray")
      }
      var bytes: [UInt8] = []
      try records.read(place, 0..<byteCount) { piece throws(CheckpointError) in
        bytes.append(copying: piece.bytes)
      }
      return .memory(bytes)
    }
  }
}
