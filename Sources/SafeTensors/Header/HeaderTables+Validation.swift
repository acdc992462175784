// SPDX-License-Identifier: Apache-2.0
internal import Tensors

extension HeaderTables {
  /// Parses a header and checks all rules.
  ///
  /// - Parameter dataByteCount: the number of bytes after the header in the file.
  /// - Throws: `malformed`, or `truncated` when the data ends before the last tensor.
  static func read(
    _ header: [UInt8], dataByteCount: Int
  ) throws(CheckpointError) -> (tables: HeaderTables, names: NameTable) {
    var tables = try HeaderParser.parse(header, baseOffset: HeaderLength.byteCount)
    tables.sortByPlace()
    let names = try NameTable(tables)
    try tables.validate(dataByteCount: dataByteCount)
    return (tables, names)
  }

  /// Sorts the tensors by the offsets of their data.
  ///
  /// - Complexity: O(tensors) for a file in order, as writers produce it.
  mutating func sortByPlace() {
    guard !isSorted else { return }
    // The sort is stable, so that empty tensors keep the order of the header.
    entries.sort { ($0.begin, $0.end) < ($1.begin, $1.end) }
  }

  /// Checks that the sorted tensors fill the data section exactly.
  ///
  /// The checks and their order are those of the reference implementation's `Metadata::validate`
  /// (spec/safetensors.md R18 to R22).
  ///
  /// - Parameter dataByteCount: the number of bytes after the header in the file.
  /// - Throws: `malformed`, or `truncated` when the data ends before the last tensor.
  /// - Complexity: O(tensors).
  func validate(dataByteCount: Int) throws(CheckpointError) {
    var position: UInt = 0
    for entry in entries {
      do throws(CheckpointError) {
        try validate(entry, at: position)
      } catch {
        throw error.naming(tensor: name(of: entry))
      }
      position = entry.end
    }
    if position > UInt(dataByteCount) {
      throw truncation(position, dataByteCount)
    }
    if position < UInt(dataByteCount) {
      throw .malformed(
        (UInt(dataByteCount) - position).counting("byte", "follow") + " the data of all tensors")
    }
  }

  /// The error for a file that was cut off, with the first tensor whose data is not all there.
  private func truncation(_ needed: UInt, _ dataByteCount: Int) -> CheckpointError {
    let cut = entries.filter { $0.end > UInt(dataByteCount) }
    return CheckpointError(
      .truncated,
      "ends too early: the tensors take \(needed) bytes, \(dataByteCount) follow the header, "
        + "too few for \(cut.count) of \(entries.count) tensors, from this one on",
      tensor: cut.first.map(name(of:)),
      hint: "the file is probably an incomplete download; download it again")
  }

  private var isSorted: Bool {
    var previous: (begin: UInt, end: UInt) = (0, 0)
    for entry in entries {
      if (entry.begin, entry.end) < previous { return false }
      previous = (entry.begin, entry.end)
    }
    return true
  }

  private func validate(_ entry: Entry, at position: UInt) throws(CheckpointError) {
    guard entry.begin <= entry.end else {
      throw .malformed("its data ends at \(entry.end), before it begins at \(entry.begin)")
    }
    guard entry.begin >= position else {
      throw .malformed(
        "its data begins at \(entry.begin), inside that of another tensor, which ends at \(position)"
      )
    }
    guard entry.begin == position else {
      throw .malformed(
        "its data begins at \(entry.begin), but bytes \(position) to there belong to no tensor")
    }
    let byteCount = try Shape.byteCount(
      of: entry.dtype, dimensions: dimensions.span.extracting(entry.shapeRange))
    guard UInt(byteCount) == entry.end - entry.begin else {
      throw .malformed(
        "\(entry.dtype.name) \(shape(of: entry)) takes \(byteCount) bytes, "
          + "its data has \(entry.end - entry.begin)")
    }
  }
}
