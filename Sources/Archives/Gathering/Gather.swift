// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// Copies the elements of a strided view in row-major order.
///
/// The output is divided into boxes of a few megabytes. Within a box the elements are read in the
/// order of the source, so that a transposed matrix is read in runs and not element by element.
package struct Gather {
  /// A dimension: its size, and its stride in the source in bytes.
  package struct Axis: Hashable {
    package var size: Int
    package var step: Int

    package init(size: Int, step: Int) {
      self.size = size
      self.step = step
    }
  }

  /// A dimension of a box, with its strides in the source and in the output.
  private struct Loop {
    var size: Int
    var source: Int
    var destination: Int
  }

  private static let boxByteCount = 1 << 22
  /// Gaps of up to this many bytes are read, not skipped.
  private static let nearness = 4096

  private let axes: [Axis]
  private let start: Int
  private let elementByteCount: Int
  private var window: GatherWindow

  /// Prepares to gather at least one element.
  ///
  /// - Parameters:
  ///   - axes: the dimensions, outermost first; every element is within the source.
  ///   - start: the offset of the first element in the source, in bytes.
  ///   - elementByteCount: 1, 2, 4 or 8.
  package init(
    _ axes: [Axis], start: Int, elementByteCount: Int, from source: GatherSource
  ) {
    self.elementByteCount = elementByteCount
    self.start = start
    self.axes = Self.simplified(axes)
    window = GatherWindow(source)
  }

  /// The same elements in the same order, with as few axes as possible.
  static func simplified(_ axes: [Axis]) -> [Axis] {
    var simple: [Axis] = []
    for axis in axes where axis.size != 1 {
      if let last = simple.last, last.step == axis.step * axis.size {
        simple[simple.count - 1] = Axis(size: last.size * axis.size, step: axis.step)
      } else {
        simple.append(axis)
      }
    }
    return simple
  }

  /// Passes all elements on, box by box; the sink may change them.
  ///
  /// - Throws: what reading the source and `sink` throw.
  package mutating func run(
    to sink: (inout MutableRawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    let capacity = Self.boxByteCount / elementByteCount
    // The inner axes that fit in a box, and one that is divided.
    var inner = axes.count
    var innerCount = 1
    while inner > 0, innerCount * axes[inner - 1].size <= capacity {
      inner -= 1
      innerCount *= axes[inner].size
    }
    let cut = inner > 0 ? axes[inner - 1] : Axis(size: 1, step: 0)
    let rows = min(cut.size, max(1, capacity / innerCount))
    let outer = Array(axes[..<max(0, inner - 1)])
    var buffer = [UInt8](repeating: 0, count: rows * innerCount * elementByteCount)
    var counters = [Int](repeating: 0, count: outer.count)
    while true {
      var base = start
      for (counter, axis) in zip(counters, outer) { base += counter * axis.step }
      var row = 0
      while row < cut.size {
        let count = min(rows, cut.size - row)
        let box = [Axis(size: count, step: cut.step)] + axes[inner...]
        try fill(&buffer, with: box, from: base + row * cut.step)
        var bytes = buffer.mutableRawBytes
        var chunk = bytes._mutatingExtracting(0..<count * innerCount * elementByteCount)
        try sink(&chunk)
        row += count
      }
      guard Self.advance(&counters, outer.map(\.size)) else { return }
    }
  }

  /// The next position, last counter fastest; false after the last.
  private static func advance(_ counters: inout [Int], _ sizes: [Int]) -> Bool {
    for index in counters.indices.reversed() {
      counters[index] += 1
      if counters[index] < sizes[index] { return true }
      counters[index] = 0
    }
    return false
  }

  /// Copies the elements of one box into the buffer.
  private mutating func fill(
    _ buffer: inout [UInt8], with box: [Axis], from base: Int
  ) throws(CheckpointError) {
    var loops: [Loop] = []
    var destination = elementByteCount
    for axis in box.reversed() {
      if axis.size > 1 {
        loops.append(Loop(size: axis.size, source: axis.step, destination: destination))
      }
      destination *= axis.size
    }
    // The order of the source: the longest strides outermost, repetitions around them.
    loops.sort { left, right in
      (left.source == 0 ? Int.max : left.source) > (right.source == 0 ? Int.max : right.source)
    }
    let run = loops.popLast() ?? Loop(size: 1, source: 0, destination: 0)
    let ahead = readAhead(loops, run)
    let sizes = loops.map(\.size)
    var counters = [Int](repeating: 0, count: loops.count)
    repeat {
      var source = base
      var destination = 0
      for (counter, loop) in zip(counters, loops) {
        source += counter * loop.source
        destination += counter * loop.destination
      }
      try copyRun(run, from: source, to: destination, in: &buffer, ahead: ahead)
    } while Self.advance(&counters, sizes)
  }

  /// The number of bytes from the first element of the innermost loops to the next large gap.
  private func readAhead(_ loops: [Loop], _ run: Loop) -> Int {
    var span = elementByteCount
    for loop in [run] + loops.reversed() {
      guard loop.source > 0, loop.source - span <= Self.nearness else { break }
      let reach = (loop.size - 1).multipliedReportingOverflow(by: loop.source)
      guard !reach.overflow, reach.partialValue < GatherWindow.capacity else {
        return GatherWindow.capacity
      }
      span += reach.partialValue
    }
    return span
  }

  private mutating func copyRun(
    _ run: Loop, from source: Int, to destination: Int, in buffer: inout [UInt8], ahead: Int
  ) throws(CheckpointError) {
    var done = 0
    while done < run.size {
      let position = source + done * run.source
      try window.load(at: position, need: elementByteCount, ahead: ahead)
      let left = window.start + window.count - position - elementByteCount
      let count =
        run.source == 0 ? run.size - done : min(run.size - done, left / run.source + 1)
      let part = Loop(size: count, source: run.source, destination: run.destination)
      let place = destination + done * run.destination
      if run.source == elementByteCount, run.destination == elementByteCount {
        let from = position - window.start
        let bytes = window.bytes.span.rawBytes.extracting(from..<from + count * elementByteCount)
        var output = buffer.mutableRawBytes
        var space = output._mutatingExtracting(place..<place + count * elementByteCount)
        space.copyBytes(of: bytes)
        done += count
        continue
      }
      switch elementByteCount {
      case 8: copy(UInt64.self, part, from: position - window.start, to: place, in: &buffer)
      case 4: copy(UInt32.self, part, from: position - window.start, to: place, in: &buffer)
      case 2: copy(UInt16.self, part, from: position - window.start, to: place, in: &buffer)
      default: copy(UInt8.self, part, from: position - window.start, to: place, in: &buffer)
      }
      done += count
    }
  }

  private func copy<Word: BitwiseCopyable>(
    _: Word.Type, _ run: Loop, from source: Int, to destination: Int, in buffer: inout [UInt8]
  ) {
    let from = window.bytes.span.rawBytes
    var to = buffer.mutableRawBytes
    for index in 0..<run.size {
      // SAFETY: the call checks its bounds; every bit pattern is a valid integer.
      let word = unsafe from.unsafeLoadUnaligned(
        fromByteOffset: source + index * run.source, as: Word.self)
      to.storeBytes(
        of: word, toByteOffset: destination + index * run.destination, as: Word.self)
    }
  }
}
