// SPDX-License-Identifier: Apache-2.0
internal import Kernels
internal import Tensors

extension FloatFormat {
  /// The format of a result.
  ///
  /// - Throws: `unsupported` for another dtype.
  init(ofResult result: TensorInfo) throws(CheckpointError) {
    guard let format = FloatFormat(result.dtype) else {
      throw CheckpointError(
        .unsupported, "results are computed in F32, F64, BF16 or F16, not in \(result.dtype)",
        tensor: result.name)
    }
    self = format
  }
}

extension ReferenceComparison {
  /// An empty comparison with a case by a rule.
  ///
  /// - Throws: `unsupported` for a dtype that is not computed in.
  init(_ reference: ReferenceFile.Case, rule: VerificationRule) throws(CheckpointError) {
    let format = try FloatFormat(ofResult: reference.result)
    var tolerance: ToleranceComparison?
    if case .allClose(let relative, let absolute) = rule {
      tolerance = ToleranceComparison(format: format, relative: relative, absolute: absolute)
    }
    self.init(
      format: format, elementCount: reference.result.elementCount, tolerance: tolerance)
  }
}

extension CaseVerdict {
  /// The verdict of a finished comparison.
  init(_ reference: ReferenceFile.Case, _ comparison: ReferenceComparison) {
    self.reference = reference
    report = comparison.report
    tolerance = comparison.tolerance.map {
      ToleranceVerdict(comparison: $0, offenders: comparison.distantElements)
    }
  }
}
