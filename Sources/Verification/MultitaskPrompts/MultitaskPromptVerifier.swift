// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Kernels
public import MultitaskPromptTuning
public import PEFT
public import Tensors

/// The prompts of a multitask prompt tuning adapter
/// (spec/multitask-prompt-tuning.md, M21 to M27).
public struct MultitaskPromptVerifier: ReferenceVerifier {
  /// The embedding that computes the prompts.
  public let embedding: MultitaskPromptEmbedding

  /// Verifies an embedding.
  public init(_ embedding: MultitaskPromptEmbedding) {
    self.embedding = embedding
  }

  public var layouts: [CaseLayout] { [.taskPrompts] }

  /// Equality at rank 1, where nothing is summed.
  public var rule: NumericRule { embedding.dimensions.rank <= 1 ? .equality : .roundingBound }

  /// Compares a case with what the adapter computes in the dtype of its output.
  ///
  /// - Complexity: O(B · L · D · rank).
  public func verify(
    _ reference: ReferenceFile.Case, of file: ReferenceFile, rule: VerificationRule = .numerics
  ) throws(CheckpointError) -> CaseVerdict {
    let input = try file.input(of: reference, for: embedding.dimensions)
    do throws(CheckpointError) {
      return try file.archive.withTensor(at: reference.resultIndex) {
        view throws(CheckpointError) in
        try embedding.withPlan(input, dtype: view.dtype) { plan throws(CheckpointError) in
          CaseVerdict(
            reference: reference, report: plan.verify(view.bytes),
            tolerance: Self.compare(plan, with: view.bytes, rule: rule))
        }
      }
    } catch {
      throw error.inFile(file.archive.path).naming(tensor: reference.result.name)
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

extension ReferenceFile {
  /// Reads the input of a case, and checks it against the sizes of an adapter.
  ///
  /// - Throws: `mismatch` for tensors of the wrong dtype or shape, `invalidArgument` for ids out of
  ///   range.
  /// - Complexity: O(B · L).
  public func input(
    of reference: Case, for dimensions: MultitaskPromptDimensions
  ) throws(CheckpointError) -> PromptInput {
    do throws(CheckpointError) {
      let shape = reference.result.shape
      guard shape.rank == 3, shape.dimensions[2] == UInt(dimensions.tokenDimension),
        let batchCount = Int(exactly: shape.dimensions[0]),
        let sequenceLength = Int(exactly: shape.dimensions[1])
      else {
        throw CheckpointError(
          .mismatch,
          "has the shape \(shape), but the adapter computes [B, L, \(dimensions.tokenDimension)]",
          tensor: reference.result.name)
      }
      var indices: [Int]?
      if let place = reference.places["indices"] {
        indices = try archive.integers(at: place, shape: [UInt(batchCount), UInt(sequenceLength)])
      }
      let taskIDs = try reference.places["task_ids"].map { place throws(CheckpointError) in
        try archive.integers(at: place, shape: nil)
      }
      return try PromptInput(
        taskIDs: taskIDs ?? [], indices: indices, batchCount: batchCount,
        sequenceLength: sequenceLength, for: dimensions)
    } catch {
      throw error.inContext("case \(reference.name)").inFile(archive.path)
    }
  }
}
