// SPDX-License-Identifier: Apache-2.0
package import Files
package import Tensors

/// The bytes of a zip entry as a stream: decompressed, with their checksum verified.
package struct RecordStream: ~Copyable {
  private let file: InputFile
  private let entry: ZipEntry
  private let isChecked: Bool
  private var checksum = Checksum()
  /// The number of bytes that were read from the stream.
  package private(set) var position = 0
  private var inflater: Inflater?
  /// The compressed bytes that are not decompressed yet, and the offset of the next ones.
  private var input: [UInt8] = []
  private var inputStart = 0
  private var inputOffset: Int

  private static let inputByteCount = 1 << 17

  /// Starts at the first byte.
  package init(_ entry: ZipEntry, in file: InputFile, isChecked: Bool) throws(CheckpointError) {
    self.file = file
    self.entry = entry
    self.isChecked = isChecked
    inputOffset = entry.dataOffset
    inflater = entry.method == .deflated ? try Inflater() : nil
  }

  /// The number of bytes that are left.
  package var remaining: Int { entry.byteCount - position }

  /// Fills `output` with the next bytes.
  ///
  /// - Throws: `truncated` when the record is shorter, `malformed` when it is damaged, `system` when
  ///   reading fails.
  package mutating func read(into output: inout MutableRawSpan) throws(CheckpointError) {
    let count = output.byteCount
    guard count <= remaining else {
      throw .truncated(need: count, have: remaining, at: entry.dataRange.upperBound)
        .inContext(quoted)
    }
    if entry.method == .stored {
      try file.read(at: entry.dataOffset + position, into: &output)
    } else {
      var filled = 0
      while filled < count {
        var rest = output._mutatingExtracting(filled..<count)
        filled += try inflate(into: &rest)
      }
    }
    position += count
    if isChecked { checksum.update(output.bytes) }
  }

  /// Checks that the record ends here, and verifies its checksum.
  package mutating func finish() throws(CheckpointError) {
    if entry.method == .deflated {
      var nothing: [UInt8] = [0]
      var output = nothing.mutableRawBytes
      let isAtEnd = inflater?.isAtEnd ?? true
      let excess = isAtEnd ? 0 : try inflate(into: &output, mayEnd: true)
      guard excess == 0 else {
        throw .malformed(
          "\(quoted) holds more than the \(entry.byteCount) bytes that the zip index says",
          at: entry.dataOffset)
      }
      guard inputOffset == entry.dataRange.upperBound, inputStart == input.count else {
        throw .malformed("unexpected bytes follow the data of \(quoted)", at: entry.dataOffset)
      }
    }
    if isChecked { try entry.compare(checksum.value) }
  }

  private var quoted: String { entry.quoted }

  /// - Returns: the number of bytes; 0 only at an allowed end.
  private mutating func inflate(
    into output: inout MutableRawSpan, mayEnd: Bool = false
  ) throws(CheckpointError) -> Int {
    while true {
      if inputStart == input.count { try refill() }
      guard inflater?.isAtEnd == false else {
        if mayEnd { return 0 }
        throw .malformed("the data of \(quoted) ends too early", at: inputOffset)
      }
      let input = input
      let rest = input.span.rawBytes.extracting(inputStart..<input.count)
      let isLast = rest.isEmpty
      let step: (consumed: Int, produced: Int)?
      do throws(CheckpointError) {
        step = try inflater?.inflate(rest, into: &output)
      } catch {
        throw .malformed("the compressed data of \(quoted) is damaged", at: entry.dataOffset)
      }
      let (consumed, produced) = step ?? (0, 0)
      inputStart += consumed
      if produced > 0 { return produced }
      if isLast && consumed == 0 && inflater?.isAtEnd == false {
        throw .malformed("the data of \(quoted) ends too early", at: inputOffset)
      }
    }
  }

  private mutating func refill() throws(CheckpointError) {
    let count = min(Self.inputByteCount, entry.dataRange.upperBound - inputOffset)
    input = try file.read(at: inputOffset, count: count)
    inputStart = 0
    inputOffset += count
  }
}

extension ZipIndex {
  /// The contents of a small record.
  ///
  /// - Throws: `unsupported` above `limit` bytes, else as `RecordStream`.
  package func contents(
    of entry: ZipEntry, in file: InputFile, limit: Int
  ) throws(CheckpointError) -> [UInt8] {
    guard entry.byteCount <= limit else {
      throw CheckpointError(
        .unsupported,
        "the record \"\(entry.name.excerpt)\" has \(entry.byteCount) bytes, more "
          + "than the \(limit) supported", offset: entry.dataOffset)
    }
    var stream = try RecordStream(entry, in: file, isChecked: !checksumsAreOff)
    var bytes = [UInt8](repeating: 0, count: entry.byteCount)
    var output = bytes.mutableRawBytes
    try stream.read(into: &output)
    try stream.finish()
    return bytes
  }
}
