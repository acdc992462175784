// SPDX-License-Identifier: Apache-2.0
package import Kernels
internal import PEFT
public import Tensors

/// The output of a forward: [B, L, D], row-major and little-endian.
public struct PromptOutput: Sendable {
  /// The element type.
  public let dtype: DType
  /// [B, L, D].
  public let shape: Shape
  let output: ForwardOutput

  /// A copy of the elements.
  ///
  /// - Complexity: O(elements).
  public var bytes: [UInt8] {
    // SAFETY: the array copies the bytes before the closure returns.
    unsafe output.bytes.withUnsafeBytes { unsafe [UInt8]($0) }
  }

  /// The elements, without a copy.
  public var rawBytes: RawSpan {
    @_lifetime(borrow self)
    get {
      // SAFETY: `self` keeps the output alive. The compiler does not let the span itself leave.
      unsafe _overrideLifetime(output.bytes, borrowing: self)
    }
  }
}

extension MultitaskPromptEmbedding {
  /// Computes prompts: `embedding(indices) * (cols[task_ids] @ rows[task_ids])`, as PEFT's module.
  ///
  /// The tensors are converted to `dtype` first, and each step is rounded in it
  /// (spec/multitask-prompt-tuning.md, M16 to M20). At rank 1 every value equals torch's; above,
  /// the sum runs in ascending order, which torch does not promise. The bits are the same on every
  /// machine.
  ///
  /// - Parameters:
  ///   - input: the tasks and indices.
  ///   - dtype: F32 (what PEFT computes in after loading an adapter), F64, BF16 or F16.
  /// - Throws: `unsupported` for another dtype, `system` when the weights cannot be mapped.
  /// - Complexity: O(B · L · D · rank) at most, on all CPUs for large inputs. Prompts of one task
  ///   share its products.
  public func forward(
    _ input: PromptInput, dtype: DType = .float32
  ) throws(CheckpointError) -> PromptOutput {
    let output = try withPlan(input, dtype: dtype) {
      plan throws(CheckpointError) in plan.pooledOutput()
    }
    return PromptOutput(
      dtype: dtype,
      shape: Shape([input.batchCount, input.sequenceLength, dimensions.tokenDimension]),
      output: output)
  }

  /// Computes prompts into caller-provided memory, appending [B, L, D] in `dtype`, row-major and
  /// little-endian.
  ///
  /// Reusing a buffer avoids page faults, which for large outputs cost more than the computation.
  ///
  /// - Parameters:
  ///   - input: the tasks and indices.
  ///   - dtype: as for `forward(_:dtype:)`.
  ///   - output: room for at least `outputByteCount(of:dtype:)`, at any alignment; a multiple of 64
  ///     is the fastest. It must not overlap the adapter's memory.
  /// - Throws: as `forward(_:dtype:)`, and `invalidArgument` when `output` is too small; nothing is
  ///   written then.
  /// - Complexity: as `forward(_:dtype:)`; the output is not copied.
  @_lifetime(output: copy output)
  public func forward(
    _ input: PromptInput, dtype: DType = .float32, into output: inout OutputRawSpan
  ) throws(CheckpointError) {
    try withPlan(input, dtype: dtype) { plan throws(CheckpointError) in
      guard plan.outputByteCount <= output.freeCapacity else {
        throw .invalidArgument(
          "the output takes \(plan.outputByteCount) bytes, but there is room for"
            + " \(output.freeCapacity)")
      }
      plan.run(into: &output)
    }
  }

  /// The size of the output in bytes: B · L · D · the size of an element.
  ///
  /// - Throws: as `forward(_:dtype:)`.
  /// - Complexity: O(1).
  public func outputByteCount(
    of input: PromptInput, dtype: DType = .float32
  ) throws(CheckpointError) -> Int {
    guard let format = FloatFormat(dtype) else { throw Self.cannotCompute(in: dtype) }
    return try ForwardPlan.byteCount(
      rows: input.indices.count, width: dimensions.tokenDimension, format: format)
  }

  /// Plans a forward, and calls a closure with the plan.
  package func withPlan<R>(
    _ input: PromptInput, dtype: DType,
    _ body: (borrowing ForwardPlan) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    guard let format = FloatFormat(dtype) else { throw Self.cannotCompute(in: dtype) }
    return try withFactors { factors throws(CheckpointError) in
      try body(
        ForwardPlan(
          factors, taskIDs: input.taskIDs.span, indices: input.indices.span,
          batchCount: input.batchCount, sequenceLength: input.sequenceLength, format: format))
    }
  }

  private static func cannotCompute(in dtype: DType) -> CheckpointError {
    CheckpointError(
      .unsupported, "prompts are computed in F32, F64, BF16 or F16, not in \(dtype)")
  }
}
