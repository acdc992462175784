// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Tensors

/// Small pieces of a file that are close to each other, read with few calls.
struct FileWindow {
  let file: InputFile
  /// The bytes of the window.
  private(set) var bytes: [UInt8] = []
  private var start = 0

  private static let byteCount = 4096

  init(_ file: InputFile) { self.file = file }

  /// Reads a range of the file into the window, unless it is there.
  ///
  /// - Returns: the range in `bytes`.
  /// - Throws: `truncated` when the file ends first, `system` when reading fails.
  mutating func load(at offset: Int, count: Int) throws(CheckpointError) -> Range<Int> {
    if offset < start || count > bytes.count || offset - start > bytes.count - count {
      let left = max(0, file.byteCount - max(0, offset))
      bytes = try file.read(at: offset, count: max(count, min(left, Self.byteCount)))
      start = offset
    }
    return offset - start..<offset - start + count
  }
}
