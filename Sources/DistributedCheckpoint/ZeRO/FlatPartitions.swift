// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Tensors
internal import TorchCheckpoint

/// Vectors that follow each other, as if they were one; each is a tensor of a file.
struct FlatVector {
  /// A vector, and where it begins in the whole.
  struct Part {
    let archive: TorchFile
    let index: Int
    let range: Range<Int>
  }

  private(set) var parts: [Part] = []
  /// The number of elements of all vectors.
  private(set) var count = 0

  /// Adds a vector at the end.
  ///
  /// - Throws: `malformed` when it is not a vector of F32.
  mutating func append(_ index: Int, of archive: TorchFile) throws(CheckpointError) {
    let info = archive.tensor(at: index)
    guard info.shape.rank == 1, info.dtype == .float32 else {
      throw CheckpointError(
        .malformed, "is \(info.dtype) \(info.shape), not a vector of F32", path: archive.path,
        tensor: info.name)
    }
    let (end, overflow) = count.addingReportingOverflow(info.elementCount)
    guard !overflow else {
      throw CheckpointError(.malformed, "is too large", path: archive.path, tensor: info.name)
    }
    parts.append(Part(archive: archive, index: index, range: count..<end))
    count = end
  }

  /// Tiles that have the elements of a range, to be placed from an element on.
  ///
  /// - Parameter position: the place of the first element in the tensor that is put together.
  /// - Complexity: O(log parts + tiles).
  func tiles(_ range: Range<Int>, at position: Int) -> [TensorTile] {
    var low = 0
    var high = parts.count
    while low < high {
      let middle = (low + high) / 2
      if parts[middle].range.upperBound <= range.lowerBound {
        low = middle + 1
      } else {
        high = middle
      }
    }
    var tiles: [TensorTile] = []
    while low < parts.count, parts[low].range.lowerBound < range.upperBound {
      let part = parts[low]
      let common = part.range.clamped(to: range)
      if !common.isEmpty {
        tiles.append(
          TensorTile(
            box: TensorBox(
              offsets: [position + common.lowerBound - range.lowerBound], sizes: [common.count]),
            piece: ArchivePiece(archive: part.archive, index: part.index),
            origin: [common.lowerBound - part.range.lowerBound]))
      }
      low += 1
    }
    return tiles
  }
}

/// The trained parameters of a checkpoint of ZeRO: where the elements of each are in the flat vectors
/// (spec/distributed.md, Q20 and Q21).
enum FlatPartitions {
  /// A parameter and its tiles.
  typealias Parameter = (parameter: ZeroModelState.Parameter, tiles: [TensorTile])

  /// The parameters of stage 1 or 2: each group is one vector, divided among the files.
  ///
  /// - Parameter groups: for each group of parameters the vectors of all files.
  /// - Throws: `malformed` when a vector has fewer or more elements than its parameters.
  static func divided(
    _ state: ZeroModelState, _ groups: [FlatVector], paddings: [[Int]]?, fileCount: Int
  ) throws(CheckpointError) -> [Parameter] {
    guard groups.count == state.groups.count, paddings.map({ $0.count == groups.count }) ?? true
    else {
      throw .malformed(
        "has \(groups.count) groups of vectors for \(state.groups.count) groups of parameters")
    }
    var result: [Parameter] = []
    for (number, parameters) in state.groups.enumerated() {
      let gaps = paddings?[number]
      guard gaps.map({ $0.count == parameters.count && $0.allSatisfy { $0 >= 0 } }) ?? true else {
        throw .malformed("has impossible gaps between the parameters of group \(number)")
      }
      let vector = groups[number]
      var offset = 0
      for (index, parameter) in parameters.enumerated() {
        let range = try advance(&offset, by: parameter, in: vector.count)
        result.append((parameter, vector.tiles(range, at: 0)))
        let (next, overflow) = offset.addingReportingOverflow(gaps?[index] ?? 0)
        guard !overflow else { throw .malformed("has impossible gaps between parameters") }
        offset = next
      }
      // The vector is padded so that all files have the same share.
      guard vector.count - offset < 2 * fileCount else {
        throw .malformed(
          "has \(vector.count) elements in group \(number), and its parameters take \(offset)")
      }
    }
    return result
  }

  /// The parameters of stage 3: each parameter is divided among the files.
  ///
  /// - Parameter vectors: for each file all of its vectors.
  /// - Throws: `malformed` when the vectors have fewer or more elements than the parameters.
  static func scattered(
    _ state: ZeroModelState, _ vectors: [FlatVector]
  ) throws(CheckpointError) -> [Parameter] {
    let shared = vectors[0].count
    guard vectors.allSatisfy({ $0.count == shared }) else {
      throw .malformed("has files with different numbers of elements")
    }
    var result: [Parameter] = []
    var offset = 0
    for parameter in state.groups.joined() {
      let share = share(of: parameter.elementCount, among: vectors.count)
      let part = ZeroModelState.Parameter(name: parameter.name, sizes: [], elementCount: share)
      let range = try advance(&offset, by: part, in: shared)
      var tiles: [TensorTile] = []
      var position = 0
      for vector in vectors {
        let count = min(share, parameter.elementCount - position)
        guard count > 0 else { break }
        tiles += vector.tiles(range.lowerBound..<range.lowerBound + count, at: position)
        position += count
      }
      result.append((parameter, tiles))
    }
    guard offset == shared else {
      throw .malformed("has \(shared) elements in each file, and its parameters take \(offset)")
    }
    return result
  }

  /// The number of elements of a parameter in each file.
  static func share(of elementCount: Int, among fileCount: Int) -> Int {
    elementCount / fileCount + (elementCount.isMultiple(of: fileCount) ? 0 : 1)
  }

  private static func advance(
    _ offset: inout Int, by parameter: ZeroModelState.Parameter, in count: Int
  ) throws(CheckpointError) -> Range<Int> {
    let (end, overflow) = offset.addingReportingOverflow(parameter.elementCount)
    guard !overflow, end <= count else {
      throw CheckpointError(
        .malformed, "is not complete: the partitions have fewer elements than the parameters",
        tensor: TensorName(parameter.name))
    }
    defer { offset = end }
    return offset..<end
  }
}
