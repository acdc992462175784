// SPDX-License-Identifier: Apache-2.0
package import Files
internal import Tensors

/// Bytes for random access.
package enum GatherSource: Sendable {
  /// In the file.
  case file(InputFile, start: Int, byteCount: Int)
  /// In memory, decompressed.
  case memory([UInt8])

  /// The size in bytes.
  var byteCount: Int {
    switch self {
    case .file(_, _, let byteCount): byteCount
    case .memory(let bytes): bytes.count
    }
  }
}

/// A window of a source in memory.
struct GatherWindow {
  private let source: GatherSource
  /// The bytes of the window; those from `count` on are stale.
  private(set) var bytes: [UInt8]
  /// The offset of the window in the source.
  private(set) var start = 0
  /// The number of bytes in the window.
  private(set) var count = 0

  static let capacity = 1 << 18

  init(_ source: GatherSource) {
    self.source = source
    switch source {
    case .memory(let all):
      bytes = all
      count = all.count
    case .file(_, _, let byteCount):
      bytes = [UInt8](repeating: 0, count: min(Self.capacity, byteCount))
    }
  }

  /// Moves the window, if necessary, so that it contains the `need` bytes at `offset`.
  ///
  /// - Parameter ahead: the number of bytes that are worth reading at once.
  mutating func load(at offset: Int, need: Int, ahead: Int) throws(CheckpointError) {
    if offset >= start, need <= count, offset - start <= count - need { return }
    guard case .file(let file, let fileStart, let byteCount) = source else { return }
    let wanted = min(max(need, ahead), bytes.count, byteCount - offset)
    var raw = bytes.mutableRawBytes
    var part = raw._mutatingExtracting(0..<wanted)
    try file.read(at: fileStart + offset, into: &part)
    start = offset
    count = wanted
  }
}
