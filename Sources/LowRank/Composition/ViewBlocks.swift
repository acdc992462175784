// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Kernels
internal import Tensors

/// A view as it is written: its elements scaled and cast, in row-major order.
///
/// Elements without gaps are read in their order. A transposed matrix is read as it is in the file, and
/// transposed in tiles. All others are gathered in boxes of a few megabytes.
struct ViewBlocks {
  private let view: FactorView
  private let source: GatherSource
  private var scaling: ElementScaling
  private var scratch: [UInt8] = []
  /// What the cast did to the values.
  private(set) var counts = CastCounts()

  /// The largest matrix that is transposed in memory, in bytes.
  private static let largestMatrix = 24 << 20
  /// The elements that are cast or transposed at a time, in bytes, at most: what stays in the caches.
  private static let blockByteCount = 1 << 18

  init(_ view: FactorView, from source: GatherSource, scaling: ElementScaling) {
    self.view = view
    self.source = source
    self.scaling = scaling
  }

  /// Appends all elements to a target.
  ///
  /// - Throws: what reading and the target throw, and `invalidArgument` for a value that the dtype
  ///   cannot hold.
  mutating func write(to target: inout some BlockTarget & ~Copyable) throws(CheckpointError) {
    guard view.elementCount > 0 else { return }
    let axes = view.mergedAxes
    if axes.isEmpty || axes.count == 1 && axes[0].step == 1 {
      try copy(to: &target)
    } else if axes.count == 2, axes[1].step == 1, axes[0].step >= axes[1].size,
      let matrix = try matrix(rowCount: axes[0].size, width: axes[1].size, stride: axes[0].step)
    {
      try transpose(
        matrix, rowCount: axes[0].size, width: axes[1].size, stride: axes[0].step, to: &target)
    } else {
      try gather(to: &target)
    }
  }

  /// Copies elements without gaps.
  private mutating func copy(
    to target: inout some BlockTarget & ~Copyable
  ) throws(CheckpointError) {
    let size = scaling.sourceByteCount
    let count = view.elementCount
    let source = source
    let block = Self.blockByteCount / max(size, scaling.destinationByteCount)
    var first = 0
    while first < count {
      let length = min(block, count - first)
      let start = (view.start + first) * size
      try append(length, to: &target) { bytes throws(CheckpointError) in
        try source.read(at: start, into: &bytes)
      }
      first += length
    }
  }

  /// The matrix of a transposed view, as it is in the file; nil where it is too large.
  private func matrix(rowCount: Int, width: Int, stride: Int) throws(CheckpointError) -> [UInt8]? {
    let size = scaling.sourceByteCount
    let (span, overflow) = (rowCount - 1).multipliedReportingOverflow(by: stride)
    guard !overflow, span <= Self.largestMatrix / size, width <= Self.largestMatrix / size - span,
      rowCount <= Self.blockByteCount / max(size, scaling.destinationByteCount)
    else { return nil }
    var bytes = [UInt8](repeating: 0, count: (span + width) * size)
    var output = bytes.mutableRawBytes
    try source.read(at: view.start * size, into: &output)
    return bytes
  }

  /// Appends the columns of a matrix, some at a time.
  private mutating func transpose(
    _ matrix: [UInt8], rowCount: Int, width: Int, stride: Int,
    to target: inout some BlockTarget & ~Copyable
  ) throws(CheckpointError) {
    let size = scaling.sourceByteCount
    let block = max(1, Self.blockByteCount / max(size, scaling.destinationByteCount) / rowCount)
    var first = 0
    while first < width {
      let columns = min(block, width - first)
      let end = ((rowCount - 1) * stride + first + columns) * size
      try append(columns * rowCount, to: &target) { bytes throws(CheckpointError) in
        matrix.span.rawBytes.extracting(first * size..<end).copyTransposed(
          rowCount: rowCount, width: columns, stride: stride, elementByteCount: size, to: &bytes)
      }
      first += columns
    }
  }

  /// Appends elements in the order of the source where they have any strides.
  private mutating func gather(
    to target: inout some BlockTarget & ~Copyable
  ) throws(CheckpointError) {
    let size = scaling.sourceByteCount
    let block = Self.blockByteCount / max(size, scaling.destinationByteCount)
    var copy = self
    do {
      try view.read(from: source) { piece throws(CheckpointError) in
        var first = 0
        let count = piece.byteCount / size
        while first < count {
          let length = min(block, count - first)
          try copy.append(length, to: &target) { bytes throws(CheckpointError) in
            bytes.copyBytes(of: piece.extracting(first * size..<(first + length) * size))
          }
          first += length
        }
      }
    }
    self = copy
  }

  /// Appends elements that `fill` writes as they are in the source.
  private mutating func append(
    _ count: Int, to target: inout some BlockTarget & ~Copyable,
    _ fill: (inout MutableRawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    let byteCount = count * scaling.destinationByteCount
    guard !scaling.copiesBits else { return try target.append(byteCount: byteCount, fill) }
    let sourceByteCount = count * scaling.sourceByteCount
    var scratch = self.scratch
    var scaling = scaling
    var counts = counts
    self.scratch = []
    if scratch.count < sourceByteCount { scratch = [UInt8](repeating: 0, count: sourceByteCount) }
    do {
      var bytes = scratch.mutableRawBytes
      var elements = bytes._mutatingExtracting(0..<sourceByteCount)
      try fill(&elements)
    }
    let elements = scratch
    try target.append(byteCount: byteCount) { output throws(CheckpointError) in
      try scaling.run(
        elements.span.rawBytes.extracting(0..<sourceByteCount), into: &output, counts: &counts)
    }
    self.scratch = elements
    self.scaling = scaling
    self.counts = counts
  }
}

extension GatherSource {
  /// Fills `destination` from the bytes that start at `offset`, which are inside.
  fileprivate func read(
    at offset: Int, into destination: inout MutableRawSpan
  ) throws(CheckpointError) {
    switch self {
    case .file(let file, let start, _): try file.read(at: start + offset, into: &destination)
    case .memory(let bytes):
      destination.copyBytes(
        of: bytes.span.rawBytes.extracting(offset..<offset + destination.byteCount))
    }
  }
}
