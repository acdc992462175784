// SPDX-License-Identifier: Apache-2.0
public import Files
public import Tensors

/// A planned and checked change of a safetensors file's metadata (spec/safetensors.md, E1 to E8).
///
/// The data does not change, and of the header only `__metadata__` changes.
public struct SafeTensorsEdit: Sendable {
  /// The file, with its old header.
  private let file: SafeTensorsFile
  /// The new text of the header, without padding.
  private let text: [UInt8]
  /// The length of the header when the whole file is written.
  private let length: Int

  /// Plans to replace the metadata of a file.
  ///
  /// - Parameters:
  ///   - file: the open file.
  ///   - metadata: the new metadata; nil removes `__metadata__`.
  ///   - reservedByteCount: bytes of room in the new header for later changes; nil keeps the length
  ///     of a header that has room, as long as the new one fits.
  /// - Throws: `unsupported` when the header would be too large.
  /// - Complexity: O(header).
  public init(
    of file: SafeTensorsFile, metadata: ArchiveMetadata?, reservedByteCount: Int? = nil
  ) throws(CheckpointError) {
    precondition(reservedByteCount ?? 0 >= 0, "the number of reserved bytes cannot be negative")
    self.file = file
    let old = file.header
    var header = HeaderText(old)
    let hasRoom = old.count - header.bytes.count >= Self.leastRoom
    if metadata == nil || !Self.areSame(metadata, file.metadata) {
      header.replaceMetadata(metadata, at: file.tables.metadataPlace)
    }
    text = header.bytes
    do throws(CheckpointError) {
      try HeaderLength.check(reservedByteCount ?? 0)
      if reservedByteCount == nil, hasRoom, text.count <= old.count {
        length = old.count
      } else {
        length = HeaderLength.padded(text.count + (reservedByteCount ?? 0))
      }
      try HeaderLength.check(length)
      try Self.check(text, says: metadata, of: file)
    } catch {
      throw error.inFile(file.path)
    }
  }

  /// Parses the new header and compares its contents.
  private static func check(
    _ text: [UInt8], says metadata: ArchiveMetadata?, of file: SafeTensorsFile
  ) throws(CheckpointError) {
    let new = try HeaderTables.read(
      text, dataByteCount: file.file.byteCount - file.dataStart
    ).tables
    guard areSame(new.metadata, metadata), new.describesSameTensors(as: file.tables) else {
      throw CheckpointError(.mismatch, "the new header does not contain the requested metadata")
    }
  }

  /// Whether both are the same UTF-8; for Swift's `==`, "é" and "e\u{301}" are equal.
  private static func areSame(_ left: ArchiveMetadata?, _ right: ArchiveMetadata?) -> Bool {
    guard let left, let right else { return left == nil && right == nil }
    return left.entries.count == right.entries.count
      && zip(left.entries, right.entries).allSatisfy {
        $0.key == $1.key && $0.value.utf8.elementsEqual($1.value.utf8)
      }
  }

  /// The new header, padded with spaces.
  private func header(of length: Int) -> [UInt8] {
    var header = text
    header.pad(toHeaderLength: length)
    return header
  }

  /// The smallest padding that is more than alignment (spec/safetensors.md W5).
  private static let leastRoom = 8

  /// Whether writing the whole file would change it.
  public var changesFile: Bool { header(of: length)[...] != file.header }

  /// Whether the new header fits into the space of the old one.
  public var fitsInPlace: Bool { text.count <= file.header.count }

  /// The number of names of the file, with hard links.
  public var nameCount: Int { file.file.nameCount }

  /// Writes the new header and the data of the old file, copied in the kernel if possible.
  ///
  /// - Parameters:
  ///   - path: the path of the output, which appears whole or not at all; it may be that of the old
  ///     file.
  ///   - policy: whether an existing output is replaced, and whether the output is flushed to the
  ///     drive.
  /// - Throws: `mismatch` when the old file has changed since it was opened, `truncated` when it
  ///   has shrunk, else as `AtomicFile`.
  public func write(to path: String, policy: OutputPolicy) throws(CheckpointError) {
    let prefix = HeaderLength.prefix(header(of: length))
    let data = file.dataStart..<file.file.byteCount
    var output = try AtomicFile(path: path, policy: policy, access: file.file.access)
    try output.reserve(byteCount: prefix.count + data.count)
    try output.write(prefix.span.rawBytes)
    try output.copy(from: file.file, range: data)
    try output.commit { () throws(CheckpointError) in try file.file.checkInPlace() }
  }

  /// Overwrites the header in place; the data is not touched.
  ///
  /// This is not crash-safe: a concurrent reader, or one after a power failure, may find a header
  /// that is partly old and partly new.
  ///
  /// - Returns: whether anything was written; an unchanged header is not.
  /// - Throws: `unsupported`, with nothing changed, when the header does not fit; `mismatch` when
  ///   another process changed the file; else as `InputFile.overwrite`.
  @discardableResult
  public func applyInPlace(synchronizes: Bool) throws(CheckpointError) -> Bool {
    let old = file.header
    guard fitsInPlace else {
      throw CheckpointError(
        .unsupported,
        "the new header takes \(text.count) bytes, but there is room for \(old.count)",
        path: file.path,
        remedy: .rewriteWithRoom)
    }
    let new = header(of: old.count)
    guard new[...] != old else { return false }
    try file.file.overwrite(
      at: HeaderLength.byteCount, Array(old), with: new, synchronizes: synchronizes)
    return true
  }
}

extension SafeTensorsFile {
  /// The header in the file, with its padding.
  fileprivate var header: ArraySlice<UInt8> {
    tables.text[..<(dataStart - HeaderLength.byteCount)]
  }
}
