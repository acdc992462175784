// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Files
internal import Tensors

/// Consecutive pickles in a file, with other bytes between and after them. The size of a pickle is known
/// only when it has been read.
struct PickleSequence {
  private let file: InputFile
  /// The end of the bytes that may be read.
  private let end: Int
  private let limits: PickleLimits
  /// The offset of the next pickle.
  private(set) var offset: Int
  private var bytes: [UInt8] = []
  private var start: Int

  /// The number of bytes that is read first; each time it is too small, four times as many are read.
  private static let firstByteCount = 1 << 14

  /// Starts at the first byte of `range`.
  init(_ file: InputFile, range: Range<Int>, limits: PickleLimits) {
    self.file = file
    self.limits = limits
    offset = range.lowerBound
    start = range.lowerBound
    end = range.upperBound
  }

  /// The number of bytes that are left.
  var remaining: Int { end - offset }

  /// Reads the next pickle.
  ///
  /// - Throws: `truncated` when the bytes end first, else as `PickleMachine.run`.
  /// - Complexity: O(bytes of the pickle).
  mutating func next(_ dialect: PickleDialect) throws(CheckpointError) -> PickleGraph {
    var wanted = min(Self.firstByteCount, remaining)
    while true {
      if offset + wanted > start + bytes.count {
        bytes = []
        bytes = try file.read(at: offset, count: wanted)
        start = offset
      }
      let isAll = start + bytes.count == end
      do throws(CheckpointError) {
        let (graph, count) = try PickleMachine.run(
          bytes, from: offset - start, baseOffset: offset, dialect: dialect, limits: limits)
        offset += count
        return graph
      } catch {
        guard error.code == .truncated, !isAll else { throw error }
        let more = min(max(wanted, bytes.count) * 4, remaining, PickleLimits.largestPickle - 1)
        guard more > wanted, offset + more > start + bytes.count else {
          throw CheckpointError(
            .unsupported, "has a pickle of more than \(wanted) bytes", offset: offset)
        }
        wanted = more
      }
    }
  }

  /// Reads bytes between pickles.
  ///
  /// - Throws: `truncated` when there are fewer.
  mutating func take(_ count: Int) throws(CheckpointError) -> [UInt8] {
    guard count <= remaining else {
      throw .truncated(need: count, have: remaining, at: offset)
    }
    defer { offset += count }
    if offset >= start, offset + count <= start + bytes.count {
      return Array(bytes[offset - start..<offset - start + count])
    }
    return try file.read(at: offset, count: count)
  }

  /// Skips bytes.
  ///
  /// - Throws: `truncated` when there are fewer.
  mutating func skip(_ count: Int) throws(CheckpointError) {
    guard count >= 0, count <= remaining else {
      throw .truncated(need: count, have: remaining, at: offset)
    }
    offset += count
  }
}
