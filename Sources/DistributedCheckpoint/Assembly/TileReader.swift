// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors

/// Reads a tensor from its tiles, in row-major order and in blocks of a few megabytes.
struct TileReader {
  /// Receives the next elements.
  typealias Sink = (RawSpan) throws(CheckpointError) -> Void

  private let tensor: AssembledTensor
  /// The pieces that are open, by the index of their tile.
  private var pieces: [Int: StridedElements] = [:]

  private static let blockByteCount = 1 << 22
  /// The most pieces that are open at a time.
  private static let mostPieces = 4096

  init(_ tensor: AssembledTensor) { self.tensor = tensor }

  /// Passes all elements on.
  ///
  /// - Throws: what reading the pieces throws, with file, tensor and byte, and what `sink` throws.
  mutating func read(to sink: Sink) throws(CheckpointError) {
    guard tensor.info.byteCount > 0 else { return }
    if tensor.isSequence {
      for tile in tensor.tiles { try read(tile, to: sink) }
    } else {
      try readBlocks(to: sink)
    }
  }

  /// Appends all elements to an output: whole pieces that follow each other are copied in the kernel.
  ///
  /// - Throws: as `read`.
  mutating func copy(to output: inout AtomicFile) throws(CheckpointError) {
    guard tensor.isSequence, tensor.info.byteCount > 0 else {
      return try read { block throws(CheckpointError) in try output.write(block) }
    }
    for tile in tensor.tiles {
      guard tile.origin == nil else {
        try read(tile) { block throws(CheckpointError) in try output.write(block) }
        continue
      }
      do throws(CheckpointError) {
        let piece = try tile.piece.open()
        try piece.archive.copyTensor(at: piece.index, to: &output)
      } catch {
        throw tile.piece.placing(error)
      }
    }
  }

  /// Passes the elements of one tile on.
  private func read(_ tile: TensorTile, to sink: Sink) throws(CheckpointError) {
    do throws(CheckpointError) {
      let piece = try tile.piece.open()
      if let origin = tile.origin {
        try piece.archive.elements(of: piece.index).read(from: origin, tile.box.sizes, to: sink)
      } else {
        try piece.archive.readTensor(at: piece.index, to: sink)
      }
    } catch {
      throw tile.piece.placing(error)
    }
  }

  /// Fills blocks of whole rows, or of parts of one row where it is large, from all tiles.
  private mutating func readBlocks(to sink: Sink) throws(CheckpointError) {
    let grid = tensor.grid
    let capacity = max(1, Self.blockByteCount / tensor.elementByteCount)
    // The inner axes that fit in a block, and one that is divided.
    var inner = grid.count
    var innerCount = 1
    while inner > 0, innerCount * grid[inner - 1] <= capacity {
      inner -= 1
      innerCount *= grid[inner]
    }
    let cut = max(0, inner - 1)
    let rows = inner > 0 ? min(grid[cut], max(1, capacity / innerCount)) : 1
    var buffer = [UInt8](
      repeating: 0,
      count: (inner > 0 ? rows * innerCount : innerCount) * tensor.elementByteCount)
    let outer = Array(grid[..<cut])
    var counters = [Int](repeating: 0, count: cut)
    repeat {
      var row = 0
      repeat {
        var block = TensorBox(
          offsets: counters, sizes: [Int](repeating: 1, count: counters.count))
        if inner > 0 {
          block.offsets.append(row)
          block.sizes.append(min(rows, grid[cut] - row))
          row += rows
        }
        block.offsets += grid[inner...].map { _ in 0 }
        block.sizes += grid[inner...]
        try fill(&buffer, with: block)
        try sink(
          buffer.span.rawBytes.extracting(0..<block.elementCount * tensor.elementByteCount))
      } while inner > 0 && row < grid[cut]
    } while counters.advance(below: outer)
  }

  /// Copies the elements of a block into a buffer.
  private mutating func fill(
    _ buffer: inout [UInt8], with block: TensorBox
  ) throws(CheckpointError) {
    for (index, tile) in tensor.tiles.enumerated() {
      guard let part = tile.box.intersection(block) else { continue }
      do throws(CheckpointError) {
        let elements = try elements(of: index)
        var start: [Int] = []
        for axis in part.offsets.indices {
          start.append(part.offsets[axis] - tile.box.offsets[axis] + (tile.origin?[axis] ?? 0))
        }
        var scatter = Scatter(
          part, into: block, elementByteCount: tensor.elementByteCount)
        try elements.read(from: start, part.sizes) { piece throws(CheckpointError) in
          scatter.add(piece, to: &buffer)
        }
      } catch {
        throw tile.piece.placing(error)
      }
    }
  }

  private mutating func elements(of index: Int) throws(CheckpointError) -> StridedElements {
    if let elements = pieces[index] { return elements }
    if pieces.count >= Self.mostPieces { pieces.removeAll() }
    let piece = try tensor.tiles[index].piece.open()
    let elements = try piece.archive.elements(of: piece.index)
    pieces[index] = elements
    return elements
  }
}

/// Copies elements that arrive in row-major order of a part to their places in a block.
struct Scatter {
  /// The size of a run of elements that are consecutive in the block, and its place in bytes.
  private let runByteCount: Int
  private let counts: [Int]
  private let steps: [Int]
  private let start: Int
  private var counters: [Int]
  /// The bytes of the current run that have arrived.
  private var filled = 0

  init(_ part: TensorBox, into block: TensorBox, elementByteCount: Int) {
    var step = elementByteCount
    var run = elementByteCount
    var counts: [Int] = []
    var steps: [Int] = []
    var start = 0
    for axis in block.sizes.indices.reversed() {
      start += (part.offsets[axis] - block.offsets[axis]) * step
      if counts.isEmpty, run == step {
        run *= part.sizes[axis]
      } else {
        counts.insert(part.sizes[axis], at: 0)
        steps.insert(step, at: 0)
      }
      step *= block.sizes[axis]
    }
    runByteCount = run
    self.counts = counts
    self.steps = steps
    self.start = start
    counters = [Int](repeating: 0, count: counts.count)
  }

  /// Copies the next bytes.
  mutating func add(_ bytes: RawSpan, to buffer: inout [UInt8]) {
    var output = buffer.mutableRawBytes
    var taken = 0
    while taken < bytes.byteCount {
      let count = min(runByteCount - filled, bytes.byteCount - taken)
      var place = start + filled
      for (counter, step) in zip(counters, steps) { place += counter * step }
      var space = output._mutatingExtracting(place..<place + count)
      space.copyBytes(of: bytes.extracting(taken..<taken + count))
      taken += count
      filled += count
      if filled == runByteCount {
        filled = 0
        _ = counters.advance(below: counts)
      }
    }
  }
}
