// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Files
internal import Tensors

/// Pickles that stand one after another in a file, with other bytes between and behind them. How
/// long each is shows only when it has been read.
struct PickleSequence {
  private let file: InputFile
  /// Where the bytes end that may be read.
  private let end: Int
  private let limits: PickleLimits
  /// Where the next pickle starts.
  private(set) var offset: Int
  private var bytes: [UInt8] = []
  private var start: Int

  /// What is read at first; four times as much whenever that was too little.
  private static let firstByteCount = 1 << 14

  /// Starts with the first byte of `range`.
  init(_ file: InputFile, range: Range<Int>, limits: PickleLimits) {
    self.file = file
    self.limits = limits
    offset = range.lowerBound
    start = range.lowerBound
    end = range.upperBound
  }

  /// The bytes from here on.
  var remaining: Int { end - offset }

  /// Reads the next pickle.
  ///
  /// - Throws: `truncated` when the bytes end first, else as `PickleMachine.run`.
  /// - Complexity: O(its bytes).
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

  /// Takes bytes that stand between pickles.
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

  /// Passes over bytes.
  ///
  /// - Throws: `truncated` when there are fewer.
  mutating func skip(_ count: Int) throws(CheckpointError) {
    guard count >= 0, count <= remaining else {
      throw .truncated(need: count, have: remaining, at: offset)
    }
    offset += count
  }
}
