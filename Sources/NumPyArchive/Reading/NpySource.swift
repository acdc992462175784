// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors
internal import ZipArchive

/// The source of an array's bytes, header first.
enum NpySource: Sendable {
  /// A whole file.
  case file(InputFile)
  /// A record of an archive, by its place in the index.
  case record(ZipRecords, Int, InputFile)

  /// The largest compressed array in Fortran order, in bytes; it is decompressed in memory.
  private static let largestScatteredRecord = 256 << 20

  /// Whether the bytes are compressed.
  var isCompressed: Bool {
    guard case .record(let records, let place, _) = self else { return false }
    return records.index.entries[place].method == .deflated
  }

  /// Passes a range of the bytes to a sink in pieces.
  func readPieces(
    _ range: Range<Int>, to sink: (inout MutableRawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    switch self {
    case .file(let file): try file.readPieces(range, to: sink)
    case .record(let records, let place, _): try records.read(place, range, to: sink)
    }
  }

  /// Verifies the checksum, if there is one and it was not verified before.
  func verify() throws(CheckpointError) {
    if case .record(let records, let place, _) = self { try records.verify(place) }
  }

  /// The bytes for random access.
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
