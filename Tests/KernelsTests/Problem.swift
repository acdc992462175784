// SPDX-License-Identifier: Apache-2.0
import Foundation
import Kernels
import TestSupport
import Tensors

/// A forward that owns its operands.
struct Problem: CustomStringConvertible {
  var tasks: Int
  var positions: Int
  var rank: Int
  var width: Int
  var batch: Int
  var length: Int
  var format: FloatFormat
  var columnsFormat = FloatFormat.float32
  var rowsFormat = FloatFormat.float32
  var embeddingsFormat = FloatFormat.float32
  var columns: [UInt8] = []
  var rows: [UInt8] = []
  var embeddings: [UInt8] = []
  var taskIDs: [Int] = [0]
  var indices: [Int] = []
  /// How many bytes off their alignment the operands are put.
  var misalignment = 0

  init(
    tasks: Int, positions: Int, rank: Int, width: Int, batch: Int, length: Int,
    format: FloatFormat
  ) {
    (self.tasks, self.positions, self.rank, self.width) = (tasks, positions, rank, width)
    (self.batch, self.length, self.format) = (batch, length, format)
    (columnsFormat, rowsFormat, embeddingsFormat) = (format, format, format)
  }

  /// One row of one task, from values that the formats hold.
  init(
    _ format: FloatFormat, columns: [Double], rows: [[Double]], embedding: [Double]
  ) {
    self.init(
      tasks: 1, positions: 1, rank: columns.count, width: embedding.count, batch: 1, length: 1,
      format: format)
    self.columns = Self.bytes(columns, format)
    self.rows = Self.bytes(rows.flatMap { $0 }, format)
    embeddings = Self.bytes(embedding, format)
    indices = [0]
  }

  static func bytes(_ values: [Double], _ format: FloatFormat) -> [UInt8] {
    values.flatMap { value in
      let bits = format.bits(rounding: value)
      return (0..<format.byteCount).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
    }
  }

  /// Calls `body` with the plan.
  func withPlan<Result>(_ body: (borrowing ForwardPlan) throws -> Result) throws -> Result {
    let pad = [UInt8](repeating: 0xA5, count: misalignment)
    let (c, r, e) = (pad + columns, pad + rows, pad + embeddings)
    let factors = try PromptFactors(
      columns: tensor(columnsFormat, [tasks, positions, rank], c.span.bytes, from: misalignment),
      rows: tensor(rowsFormat, [tasks, rank, width], r.span.bytes, from: misalignment),
      embeddings: tensor(embeddingsFormat, [positions, width], e.span.bytes, from: misalignment))
    let plan = try ForwardPlan(
      factors, taskIDs: taskIDs.span, indices: indices.span, batchCount: batch,
      sequenceLength: length, format: format)
    return try body(plan)
  }

  func output(_ implementation: KernelImplementation = .automatic) throws -> [UInt8] {
    try withPlan { $0.output(implementation: implementation) }
  }

  func verify(
    _ reference: [UInt8], _ implementation: KernelImplementation = .automatic
  ) throws -> NumericReport {
    try withPlan { $0.verify(reference.span.bytes, implementation: implementation) }
  }

  func verify(values reference: [Double]) throws -> NumericReport {
    try verify(Self.bytes(reference, format))
  }

  var description: String {
    "K\(tasks) V\(positions) R\(rank) D\(width) B\(batch) L\(length) T\(taskIDs.count) "
      + "\(columnsFormat),\(rowsFormat),\(embeddingsFormat)->\(format) +\(misalignment)"
  }
}

extension Problem {
  /// A problem of random sizes, formats and numbers of all kinds.
  init(using generator: inout SeededGenerator) {
    func pick<T>(_ values: [T]) -> T {
      values[Int.random(in: values.indices, using: &generator)]
    }
    let positions = pick([1, 1, 2, 3, 5])
    let batch = pick([1, 2, 3])
    let format = pick(FloatFormat.allCases)
    self.init(
      tasks: pick([1, 2, 4]), positions: positions, rank: pick([0, 1, 1, 2, 3, 8]),
      width: pick([0, 1, 2, 7, 8, 15, 16, 17, 31, 33, 64, 65, 255, 256, 257, 300]),
      batch: batch, length: positions == 1 ? pick([0, 1, 4]) : positions, format: format)
    if Bool.random(using: &generator) {
      columnsFormat = pick(FloatFormat.allCases)
      rowsFormat = pick(FloatFormat.allCases)
      embeddingsFormat = pick(FloatFormat.allCases)
    }
    misalignment = pick([0, 1, 2, 3, 5])
    taskIDs = (0..<pick([1, batch])).map { _ in Int.random(in: 0..<tasks, using: &generator) }
    indices = (0..<batch * length).map { _ in Int.random(in: 0..<positions, using: &generator) }
    let wild = Bool.random(using: &generator)
    columns = Self.random(tasks * positions * rank, columnsFormat, wild, &generator)
    rows = Self.random(tasks * rank * width, rowsFormat, wild, &generator)
    embeddings = Self.random(positions * width, embeddingsFormat, wild, &generator)
  }

  /// Random bits, which are of all sizes and kinds, or numbers about one.
  static func random(
    _ count: Int, _ format: FloatFormat, _ wild: Bool, _ generator: inout SeededGenerator
  ) -> [UInt8] {
    guard !wild else {
      return (0..<count * format.byteCount).map { _ in UInt8.random(in: 0...255, using: &generator)
      }
    }
    return bytes(
      (0..<count).map { _ in Double.random(in: -2...2, using: &generator) }, format)
  }
}

extension Problem {
  /// Numbers of one biased exponent, some of the next and a few of any kind, and zeros of either sign.
  static func bfloat16(
    _ count: Int, exponent: Int, _ generator: inout SeededGenerator
  ) -> [UInt8] {
    let spread = Bool.random(using: &generator) ? 1 : 0
    let wildness = [0, 0, 0, 1, 20].randomElement(using: &generator)!
    return (0..<count).flatMap { _ -> [UInt8] in
      let low = UInt16.random(in: 0...0x7F, using: &generator)
      let sign = UInt16.random(in: 0...1, using: &generator) << 15
      let above = Int.random(in: 0...spread, using: &generator)
      var bits = sign | UInt16(min(254, exponent + above)) << 7 | low
      if Int.random(in: 0..<8, using: &generator) == 0 { bits = sign }
      if Int.random(in: 0..<1000, using: &generator) < wildness {
        bits = UInt16.random(in: 0...UInt16.max, using: &generator)
      }
      return [UInt8(truncatingIfNeeded: bits), UInt8(bits >> 8)]
    }
  }
}

/// The bytes from `start` on as a tensor.
@_lifetime(copy bytes)
func tensor(
  _ format: FloatFormat, _ shape: [Int], _ bytes: RawSpan, from start: Int = 0
) -> TensorView {
  TensorView(
    dtype: format.dtype, shape: Shape(shape), bytes: bytes.extracting(start..<bytes.byteCount))
}

func readFile(_ path: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}
