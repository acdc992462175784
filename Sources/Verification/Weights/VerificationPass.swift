// SPDX-License-Identifier: Apache-2.0
internal import Kernels
internal import LowRank
internal import Tensors

/// The comparison of one weight or delta, piece by piece: memory does not grow with the weight.
struct VerificationPass {
  private(set) var comparison: ReferenceComparison
  private var evaluator: WeightEvaluator
  private let format: FloatFormat

  /// The elements that are computed at a time.
  private static let tileCount = 1 << 16

  init(
    _ reference: ReferenceFile.Case, rule: VerificationRule, _ evaluator: WeightEvaluator
  ) throws(CheckpointError) {
    format = try FloatFormat(ofResult: reference.result)
    comparison = try ReferenceComparison(reference, rule: rule)
    self.evaluator = evaluator
  }

  /// Compares a delta.
  mutating func compareDelta(_ reference: TensorView) {
    for rows in tiles {
      let (values, bounds) = evaluator.compute(rows, base: nil)
      comparison.add(bytes(of: rows, in: reference, format), rows: values, bounds: bounds)
    }
  }

  /// Compares a merged weight.
  ///
  /// - Parameters:
  ///   - base: the weight before, of the same shape.
  ///   - baseFormat: its format.
  mutating func compareWeight(
    _ reference: TensorView, base: TensorView, _ baseFormat: FloatFormat
  ) {
    if evaluator.isMeasured {
      for rows in tiles { evaluator.measure(rows, base: matrix(rows, of: base, baseFormat)) }
    }
    for rows in tiles {
      let (values, bounds) = evaluator.compute(rows, base: matrix(rows, of: base, baseFormat))
      comparison.add(bytes(of: rows, in: reference, format), rows: values, bounds: bounds)
    }
  }

  private var tiles: [Range<Int>] {
    let count = max(1, Self.tileCount / evaluator.width)
    return stride(from: 0, to: evaluator.rowCount, by: count).map {
      $0..<min($0 + count, evaluator.rowCount)
    }
  }

  private func matrix(
    _ rows: Range<Int>, of base: TensorView, _ format: FloatFormat
  ) -> BoundedMatrix {
    BoundedMatrix(
      rowCount: rows.count, width: evaluator.width,
      values: [Double](
        bytes(of: rows, in: base, format), from: format, rounding: evaluator.arithmetic),
      isExtended: evaluator.arithmetic == .float64)
  }

  @_lifetime(copy tensor)
  private func bytes(of rows: Range<Int>, in tensor: TensorView, _ format: FloatFormat) -> RawSpan {
    let size = evaluator.width * format.byteCount
    return tensor.bytes.extracting(rows.lowerBound * size..<rows.upperBound * size)
  }
}
