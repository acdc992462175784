// SPDX-License-Identifier: Apache-2.0
internal import Concurrency
internal import Tensors

/// The parsed header of a file. Files with the same header share one: the adapters of a tree often
/// differ in their values alone.
final class FileHeader: Sendable {
  let tables: HeaderTables
  let names: NameTable

  private init(_ tables: HeaderTables, _ names: NameTable) {
    (self.tables, self.names) = (tables, names)
  }

  /// The last small headers that were read.
  private static let recent = RecentValues<RecentBytes, FileHeader>(capacity: 4)
  /// The largest size of a header that is kept, in bytes.
  private static let recentByteCount = 1 << 14

  /// Parses a header, or takes a recent one with the same bytes.
  ///
  /// - Parameter dataByteCount: the number of bytes after the header in the file.
  /// - Throws: as `HeaderTables.read`.
  static func read(
    _ header: [UInt8], dataByteCount: Int
  ) throws(CheckpointError) -> FileHeader {
    let key = RecentBytes(header)
    let isSmall = header.count <= recentByteCount
    if isSmall, let known = recent[key] {
      try known.tables.validate(dataByteCount: dataByteCount)
      return known
    }
    let (tables, names) = try HeaderTables.read(header, dataByteCount: dataByteCount)
    let parsed = FileHeader(tables, names)
    if isSmall { recent.keep(parsed, of: key) }
    return parsed
  }
}
