// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import JSONDocument
internal import Tensors

/// The records of manifests about existing outputs. They are verified before they are used
/// (spec/bulk.md, B15).
struct ManifestIndex: Sendable {
  /// A record of a written output.
  struct Entry: Sendable {
    let digest: String
    let stamp: FileStamp
    let settings: String
  }

  private var entries: [RelativePath: Entry] = [:]

  /// The longest record in bytes: paths have at most 4096.
  private static let longestLine = 1 << 20

  /// Creates an empty index.
  init() {}

  /// Reads a manifest; a later line replaces an earlier one. Lines that are not records are passed
  /// over: the outputs are then verified without them.
  ///
  /// - Parameter shard: the part of the work whose records are kept.
  /// - Throws: `system` and the like when the file cannot be read; `malformed` when it does not
  ///   begin like a manifest.
  /// - Complexity: O(bytes), in memory for a record of each unit.
  mutating func read(path: String, shard: WorkPartition?) throws(CheckpointError) {
    let file = try InputFile(path: path)
    try Self.checkStart(of: file)
    try file.readLines(limit: Self.longestLine) { line throws(CheckpointError) in
      guard let (source, entry) = Self.record(line) else { return }
      if shard?.contains(source) ?? true { entries[source] = entry }
    }
  }

  /// The record of a unit.
  subscript(source: RelativePath) -> Entry? { entries[source] }

  /// Checks that a file is a manifest, whose first line may be incomplete. Other files are neither
  /// extended nor emptied.
  ///
  /// - Throws: `malformed` when the file does not begin like a manifest.
  static func checkStart(of file: InputFile) throws(CheckpointError) {
    let expected = Array(#"{"source":"#.utf8)
    let start = try file.read(at: 0, count: min(file.byteCount, expected.count))
    guard expected.starts(with: start) || start.first == UInt8(ascii: "\n") else {
      throw CheckpointError(.malformed, "is not a manifest", path: file.path)
    }
  }

  private static func record(_ line: [UInt8]) -> (RelativePath, Entry)? {
    guard let value = try? JSONValue(parsing: line),
      let outcome = value["outcome"]?.string, outcome != ManifestRecord.Outcome.failed.rawValue,
      let text = value["source"]?.string, let digest = value["digest"]?.string,
      let byteCount = value["source_bytes"]?.integer,
      let modified = value["source_modified"]?.integer, let settings = value["settings"]?.string
    else { return nil }
    let source: RelativePath
    if let digits = value["source_hex"]?.string {
      guard let bytes = bytes(hexadecimal: digits) else { return nil }
      source = RelativePath(bytes: bytes)
    } else {
      source = RelativePath(text)
    }
    let stamp = FileStamp(byteCount: byteCount, modified: modified)
    return (source, Entry(digest: digest, stamp: stamp, settings: settings))
  }

  private static func bytes(hexadecimal text: String) -> [UInt8]? {
    let digits = text.utf8.map { Character(Unicode.Scalar($0)).hexDigitValue }
    guard digits.count.isMultiple(of: 2), !digits.contains(nil) else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { place in
      UInt8(truncatingIfNeeded: (digits[place] ?? 0) << 4 | (digits[place + 1] ?? 0))
    }
  }
}
