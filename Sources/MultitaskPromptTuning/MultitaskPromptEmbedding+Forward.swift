internal import Kernels
internal import PEFT
public import Tensors

/// What a forward computed: [B, L, D] in its dtype, row-major and little endian.
public struct PromptOutput: Sendable {
  /// The element type.
  public let dtype: DType
  /// [B, L, D].
  public let shape: Shape
  /// The elements.
  public let bytes: [UInt8]
}

extension MultitaskPromptEmbedding {
  /// Computes prompts as PEFT's module does: `embedding(indices) * (cols[task_ids] @ rows[task_ids])`.
  ///
  /// The tensors are converted to `dtype` first, and each step is rounded in it
  /// (spec/multitask-prompt-tuning.md, M16 to M20). At rank 1 every value equals torch's; above, the
  /// sum runs in ascending order, which torch does not promise. The bits are the same on every
  /// machine.
  ///
  /// - Parameters:
  ///   - input: the tasks and indices.
  ///   - dtype: F32 (what PEFT computes in after loading an adapter), F64, BF16 or F16.
  /// - Throws: `unsupported` for another dtype, `system` when the weights cannot be mapped.
  /// - Complexity: O(B · L · D · rank).
  public func forward(
    _ input: PromptInput, dtype: DType = .float32
  ) throws(CheckpointError) -> PromptOutput {
    let bytes = try withPlan(input, dtype: dtype) { plan throws(CheckpointError) in plan.output() }
    return PromptOutput(
      dtype: dtype,
      shape: Shape([input.batchCount, input.sequenceLength, dimensions.tokenDimension]),
      bytes: bytes)
  }

  /// Plans a forward and lends the plan.
  func withPlan<R>(
    _ input: PromptInput, dtype: DType,
    _ body: (borrowing ForwardPlan) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    guard let format = FloatFormat(dtype) else {
      throw CheckpointError(
        .unsupported, "prompts are computed in F32, F64, BF16 or F16, not in \(dtype)")
    }
    return try withFactors { factors throws(CheckpointError) in
      try body(
        ForwardPlan(
          factors, taskIDs: input.taskIDs.span, indices: input.indices.span,
          batchCount: input.batchCount, sequenceLength: input.sequenceLength, format: format))
    }
  }
}
