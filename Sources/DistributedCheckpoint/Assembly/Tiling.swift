// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The check that boxes fill a tensor, each element once (spec/distributed.md, Q7).
enum Tiling {
  /// The most parts into which the edges of all boxes may divide a tensor.
  private static let mostCells = 1 << 22

  /// Checks boxes.
  ///
  /// - Parameter sizes: the sizes of the tensor, whose elements can be counted.
  /// - Throws: `malformed` for a box outside the tensor, for elements that no box or several boxes
  ///   have; `unsupported` for too many edges.
  /// - Complexity: O(boxes · log boxes + cells), in memory of a byte for each cell.
  static func check(_ boxes: [TensorBox], fill sizes: [Int]) throws(CheckpointError) {
    for box in boxes { try check(box, isIn: sizes) }
    guard !sizes.contains(0) else { return }
    let boxes = boxes.filter { !$0.isEmpty }
    if boxes.count == 1, boxes[0].sizes == sizes { return }
    var cuts: [[Int]] = []
    var cellCount = 1
    for (axis, size) in sizes.enumerated() {
      var places: Set<Int> = [0, size]
      for box in boxes {
        places.insert(box.offsets[axis])
        places.insert(box.offsets[axis] + box.sizes[axis])
      }
      cuts.append(places.sorted())
      let (product, overflow) = cellCount.multipliedReportingOverflow(by: places.count - 1)
      guard !overflow, product <= mostCells else {
        throw CheckpointError(
          .unsupported, "is divided in more than \(mostCells) ways, as no writer does")
      }
      cellCount = product
    }
    var grid = Grid(cuts: cuts, cellCount: cellCount)
    for box in boxes { try grid.mark(box) }
    try grid.checkFull()
  }

  private static func check(_ box: TensorBox, isIn sizes: [Int]) throws(CheckpointError) {
    guard box.offsets.count == sizes.count, box.sizes.count == sizes.count else {
      throw .malformed(
        "has a shard of \(box.sizes.count) dimensions, but \(sizes.count) itself")
    }
    for (axis, size) in sizes.enumerated() {
      let (offset, count) = (box.offsets[axis], box.sizes[axis])
      guard offset >= 0, count >= 0, offset <= size, count <= size - offset else {
        throw .malformed(
          "has a shard outside its shape: \(box) of \(Shape(sizes.map { UInt(max(0, $0)) }))")
      }
    }
  }

  /// The cells between the edges of all boxes.
  private struct Grid {
    let cuts: [[Int]]
    var isMarked: [Bool]

    init(cuts: [[Int]], cellCount: Int) {
      self.cuts = cuts
      isMarked = [Bool](repeating: false, count: cellCount)
    }

    /// Marks the cells of a box, which end where it ends.
    mutating func mark(_ box: TensorBox) throws(CheckpointError) {
      var first: [Int] = []
      var count: [Int] = []
      for axis in cuts.indices {
        let start = place(of: box.offsets[axis], axis)
        first.append(start)
        count.append(place(of: box.offsets[axis] + box.sizes[axis], axis) - start)
      }
      var counter = [Int](repeating: 0, count: cuts.count)
      while true {
        var index = 0
        for axis in cuts.indices {
          index = index * (cuts[axis].count - 1) + first[axis] + counter[axis]
        }
        guard !isMarked[index] else {
          throw .malformed("has several shards with the same elements, \(cell(index)) among them")
        }
        isMarked[index] = true
        guard counter.advance(below: count) else { return }
      }
    }

    /// - Throws: `malformed` when a cell is in no box.
    func checkFull() throws(CheckpointError) {
      guard let index = isMarked.firstIndex(of: false) else { return }
      throw .malformed("is not complete: no shard has the elements \(cell(index))")
    }

    private func place(of cut: Int, _ axis: Int) -> Int {
      var low = 0
      var high = cuts[axis].count
      while high - low > 1 {
        let middle = (low + high) / 2
        if cuts[axis][middle] <= cut { low = middle } else { high = middle }
      }
      return low
    }

    private func cell(_ index: Int) -> TensorBox {
      var rest = index
      var box = TensorBox(offsets: [], sizes: [])
      for axis in cuts.indices.reversed() {
        let place = rest % (cuts[axis].count - 1)
        rest /= cuts[axis].count - 1
        box.offsets.insert(cuts[axis][place], at: 0)
        box.sizes.insert(cuts[axis][place + 1] - cuts[axis][place], at: 0)
      }
      return box
    }
  }
}

extension [Int] {
  /// Counts up like an odometer, the last place first.
  ///
  /// - Parameter limits: the number of values of each place.
  /// - Returns: false after the last combination, which the first one follows.
  mutating func advance(below limits: [Int]) -> Bool {
    for index in indices.reversed() {
      self[index] += 1
      if self[index] < limits[index] { return true }
      self[index] = 0
    }
    return false
  }
}
