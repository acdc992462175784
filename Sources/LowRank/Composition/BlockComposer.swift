// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Kernels
internal import Tensors

/// Computes a composed tensor in blocks of a few megabytes.
struct BlockComposer {
  private let grid: [Int]
  private let elementByteCount: Int
  private var pieces: [(piece: ComposedTensor.Piece, source: GatherSource, scaling: ElementScaling)]
  /// What the casts did to the values.
  private(set) var counts = CastCounts()

  /// The most elements of a block.
  private static let blockElementCount = 1 << 20

  /// - Throws: what reading the tensors throws that are not read in place.
  init(_ tensor: ComposedTensor) throws(CheckpointError) {
    grid = tensor.grid
    elementByteCount = tensor.dtype.bitCount / 8
    pieces = []
    var sources: [ObjectIdentifier: [Int: GatherSource]] = [:]
    for piece in tensor.pieces where piece.view.elementCount > 0 {
      let key = ObjectIdentifier(piece.view.archive)
      let known = sources[key]?[piece.view.index]
      let source = if let known { known } else { try piece.view.source() }
      sources[key, default: [:]][piece.view.index] = source
      let scaling = try ElementScaling(
        from: piece.view.dtype, to: tensor.dtype, factor: piece.factor)
      pieces.append((piece, source, scaling))
    }
  }

  /// Appends the tensor in row-major order.
  ///
  /// - Throws: what reading and the target throw, and `invalidArgument` for a value that the dtype
  ///   cannot hold.
  mutating func write(to target: inout some BlockTarget & ~Copyable) throws(CheckpointError) {
    guard !grid.contains(0) else { return }
    if pieces.count == 1, pieces[0].piece.view.sizes == grid {
      return try writePart(0, pieces[0].piece.view, to: &target)
    }
    try Self.forEachBlock(of: grid) { offsets, sizes throws(CheckpointError) in
      let count = sizes.reduce(1, *) * elementByteCount
      var block = [UInt8](repeating: 0, count: count)
      for index in pieces.indices {
        try place(index, in: &block, offsets, sizes)
      }
      try target.append(copying: block.span.rawBytes)
    }
  }

  /// Appends the scaled elements of a part of a piece.
  private mutating func writePart(
    _ index: Int, _ view: FactorView, to target: inout some BlockTarget & ~Copyable
  ) throws(CheckpointError) {
    var blocks = ViewBlocks(view, from: pieces[index].source, scaling: pieces[index].scaling)
    try blocks.write(to: &target)
    counts += blocks.counts
  }

  /// Copies the part of a piece that is inside a block.
  private mutating func place(
    _ index: Int, in block: inout [UInt8], _ offsets: [Int], _ sizes: [Int]
  ) throws(CheckpointError) {
    var view = pieces[index].piece.view
    var starts = offsets
    for axis in grid.indices {
      let first = pieces[index].piece.offsets[axis]
      let lower = max(first, offsets[axis])
      let upper = min(first + view.sizes[axis], offsets[axis] + sizes[axis])
      guard lower < upper else { return }
      view = try view.subrange(axis: axis, lower - first..<upper - first)
      starts[axis] = lower - offsets[axis]
    }
    // Elements are copied in runs along the inner dimensions that fill the block.
    var runAxis = grid.count
    var run = 1
    while runAxis > 0 {
      runAxis -= 1
      run *= view.sizes[runAxis]
      guard view.sizes[runAxis] == sizes[runAxis] else { break }
    }
    let places = BoxPlaces(starts: starts, counts: Array(view.sizes[..<runAxis]), sizes: sizes)
    var box = BoxTarget(block: block, places: places, run: run, elementByteCount: elementByteCount)
    block = []
    try writePart(index, view, to: &box)
    block = box.block
  }

  /// Calls a closure with the blocks of the grid in row-major order.
  private static func forEachBlock(
    of grid: [Int],
    _ body: (_ offsets: [Int], _ sizes: [Int]) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    var inner = grid.count
    var innerCount = 1
    while inner > 0, innerCount * grid[inner - 1] <= blockElementCount {
      inner -= 1
      innerCount *= grid[inner]
    }
    guard inner > 0 else { return try body(grid.map { _ in 0 }, grid) }
    // The innermost dimension that does not fit is divided; those outside it are counted.
    let cut = inner - 1
    let rows = max(1, blockElementCount / innerCount)
    var offsets = grid.map { _ in 0 }
    var sizes = grid
    for axis in 0..<cut { sizes[axis] = 1 }
    while true {
      offsets[cut] = 0
      while offsets[cut] < grid[cut] {
        sizes[cut] = min(rows, grid[cut] - offsets[cut])
        try body(offsets, sizes)
        offsets[cut] += sizes[cut]
      }
      var axis = cut - 1
      while axis >= 0 {
        offsets[axis] += 1
        if offsets[axis] < grid[axis] { break }
        offsets[axis] = 0
        axis -= 1
      }
      guard axis >= 0 else { return }
    }
  }
}

/// A box in a block, which is filled in row-major order.
private struct BoxTarget: BlockTarget {
  var block: [UInt8]
  let places: BoxPlaces
  /// The number of elements that are next to each other in the block.
  let run: Int
  let elementByteCount: Int
  private var element = 0
  private var piece: [UInt8] = []

  init(block: consuming [UInt8], places: BoxPlaces, run: Int, elementByteCount: Int) {
    self.block = block
    self.places = places
    self.run = run
    self.elementByteCount = elementByteCount
  }

  mutating func append(
    byteCount: Int, _ fill: (inout MutableRawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try piece.fill(byteCount: byteCount, fill)
    let width = elementByteCount
    let count = byteCount / width
    var block = self.block
    self.block = []
    var done = 0
    while done < count {
      let (number, offset) = (element + done).quotientAndRemainder(dividingBy: run)
      let length = min(run - offset, count - done)
      let start = (places.place(ofRun: number) + offset) * width
      var bytes = block.mutableRawBytes
      var space = bytes._mutatingExtracting(start..<start + length * width)
      space.copyBytes(of: piece.span.rawBytes.extracting(done * width..<(done + length) * width))
      done += length
    }
    self.block = block
    element += count
  }
}

/// The places of the runs of a box in a block.
private struct BoxPlaces {
  private let first: Int
  private let counts: [Int]
  private let steps: [Int]

  /// - Parameters:
  ///   - starts: the place of the box in the block, by dimension.
  ///   - counts: the sizes of the box in the dimensions outside the runs.
  ///   - sizes: the sizes of the block.
  init(starts: [Int], counts: [Int], sizes: [Int]) {
    var steps = sizes
    var step = 1
    var first = 0
    for axis in sizes.indices.reversed() {
      steps[axis] = step
      first += starts[axis] * step
      step *= sizes[axis]
    }
    self.first = first
    self.counts = counts
    self.steps = steps
  }

  /// The place of the first element of a run.
  func place(ofRun number: Int) -> Int {
    var (place, rest) = (first, number)
    for axis in counts.indices.reversed() {
      let (next, index) = rest.quotientAndRemainder(dividingBy: counts[axis])
      place += index * steps[axis]
      rest = next
    }
    return place
  }
}
