// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
public import Kernels
public import Tensors

/// The rule of a verification.
public enum VerificationRule: Sendable, Hashable {
  /// Equal values at rank 1, and the rounding-error bound at higher ranks
  /// (spec/multitask-prompt-tuning.md, M21 to M27).
  case numerics
  /// `torch.allclose` with the reference as `other`.
  case allClose(relative: Double, absolute: Double)
}

/// The result of one case of a reference.
public struct CaseVerdict: Sendable {
  /// The name of the case.
  public let name: String
  /// The reference output: name, dtype and shape.
  public let output: TensorInfo
  /// The comparison by `numerics`, under `allClose` as well, for its statistics.
  public let report: ForwardReport
  /// The comparison by `allClose`; nil under another rule.
  public let tolerance: ToleranceVerdict?

  /// Whether the adapter computes the reference, by the rule.
  public var holds: Bool { tolerance?.comparison.isClose ?? report.holds }

  /// The number of elements that break the rule.
  public var offenderCount: Int {
    guard let comparison = tolerance?.comparison else { return report.offenderCount }
    return comparison.elementCount - comparison.closeCount
  }

  /// The first of them, at most eight.
  public var offenders: [ForwardReport.Element] { tolerance?.offenders ?? report.firstOffenders }
}

/// The result of a case by `torch.allclose`.
public struct ToleranceVerdict: Sendable {
  /// The counts.
  public let comparison: ToleranceComparison
  /// The first elements that are not close, at most eight.
  public let offenders: [ForwardReport.Element]
}

extension MultitaskPromptEmbedding {
  /// Compares a case of a reference with what this adapter computes in the dtype of its output.
  ///
  /// - Throws: `mismatch` or `invalidArgument` when the case does not fit this adapter, `system`
  ///   when a file cannot be mapped.
  /// - Complexity: O(B · L · D · rank).
  public func verify(
    _ reference: ReferenceFile.Case, of file: ReferenceFile, rule: VerificationRule = .numerics
  ) throws(CheckpointError) -> CaseVerdict {
    let input = try file.input(of: reference, for: dimensions)
    do throws(CheckpointError) {
      return try file.archive.withTensor(at: reference.outputIndex) {
        view throws(CheckpointError) in
        try withPlan(input, dtype: view.dtype) { plan throws(CheckpointError) in
          CaseVerdict(
            name: reference.name, output: reference.output, report: plan.verify(view.bytes),
            tolerance: Self.compare(plan, with: view.bytes, rule: rule))
        }
      }
    } catch {
      throw error.inFile(file.archive.path).naming(tensor: reference.output.name)
    }
  }

  private static func compare(
    _ plan: borrowing ForwardPlan, with reference: RawSpan, rule: VerificationRule
  ) -> ToleranceVerdict? {
    guard case .allClose(let relative, let absolute) = rule else { return nil }
    let output = plan.pooledOutput()
    let comparison = ToleranceComparison(
      output.bytes, reference: reference, format: plan.format, relative: relative,
      absolute: absolute)
    let offenders = comparison.firstOffenders.map { index in
      plan.element(at: index, reference: reference, computed: output.bytes)
    }
    return ToleranceVerdict(comparison: comparison, offenders: offenders)
  }
}
