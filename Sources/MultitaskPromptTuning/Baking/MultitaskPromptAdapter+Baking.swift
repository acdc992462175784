// SPDX-License-Identifier: Apache-2.0
internal import Archives
public import Files
internal import Kernels
internal import PEFT
public import Tensors

extension MultitaskPromptAdapter {
  /// Computes and verifies the effective prompt of a task.
  ///
  /// The prompt is computed in F32, as in PEFT, or in F64 when `dtype` is F64, and rounded once to
  /// `dtype`. It is verified as a reference is (`spec/reference-outputs.md`): at rank 1 against the
  /// forward by definition, at higher ranks against the exact product.
  ///
  /// - Parameters:
  ///   - task: in 0..<tasks.
  ///   - dtype: F32, F64, BF16 or F16.
  /// - Throws: `invalidArgument` for a task that does not exist and for weights that are not
  ///   finite, `unsupported` for another dtype or a prompt beyond its range.
  /// - Complexity: O(V · D · rank).
  public func prompt(
    ofTask task: Int, dtype: DType = .float32
  ) throws(CheckpointError) -> EffectivePrompt {
    try checkTask(task)
    guard let format = FloatFormat(dtype) else {
      throw CheckpointError(
        .unsupported, "prompts are baked in F32, F64, BF16 or F16, not in \(dtype)")
    }
    try checkValues()
    let computed: FloatFormat = format == .float64 ? .float64 : .float32
    let input = try PromptInput(taskIDs: [task], for: dimensions)
    let bytes = try embedding.withPlan(
      input, dtype: computed.dtype
    ) { plan throws(CheckpointError) in
      let bytes = plan.output()
      let proof = plan.verify(
        bytes.span.rawBytes, implementation: dimensions.rank == 1 ? .reference : .automatic)
      guard proof.holds, proof.notComparableCount == 0 else {
        throw CheckpointError(
          .mismatch, "the prompt of task \(task) failed its verification")
      }
      return bytes
    }
    let rounded = convertElements(bytes.span.rawBytes, from: computed, to: format)
    for index in 0..<rounded.count / format.byteCount {
      guard format.value(of: index, in: rounded.span.rawBytes).isFinite else {
        throw CheckpointError(
          .unsupported,
          "the prompt of task \(task) does not fit \(format): element \(index) is too large",
          path: adapter.directory.path)
      }
    }
    return EffectivePrompt(
      task: task, dtype: dtype,
      shape: Shape([dimensions.virtualTokenCount, dimensions.tokenDimension]), bytes: rounded,
      inputRowCount: inputRowCount, isForEncoder: config.taskType == .sequenceToSequence)
  }

  /// Bakes a task into a prompt tuning adapter (PEFT's `PROMPT_TUNING`) with the same prompt, for
  /// tools without multitask prompt tuning.
  ///
  /// Heads and other modules of `modules_to_save` are copied.
  ///
  /// - Throws: as ``prompt(ofTask:dtype:)``.
  public func baking(
    task: Int, dtype: DType = .float32
  ) throws(CheckpointError) -> ComputedAdapter {
    let prompt = try prompt(ofTask: task, dtype: dtype)
    let embeddings = try ComputedTensor(
      MultitaskPromptTensor.embeddings.name, dtype: dtype, shape: prompt.shape,
      bytes: prompt.bytes)
    return ComputedAdapter(
      config: config.promptTuning, tensors: [embeddings] + companions,
      origins: [adapter.directory.path])
  }

  /// The number of rows that PEFT puts before the input when it generates.
  private var inputRowCount: Int {
    guard config.taskType == .sequenceToSequence else { return dimensions.virtualTokenCount }
    return config.virtualTokenCount ?? dimensions.virtualTokenCount
  }

  /// Notes about what a baked prompt does not do.
  ///
  /// - Parameter form: the form of the prompt; nil for an adapter.
  public func bakingNotes(as form: PromptForm? = nil) -> [String] {
    var notes = [bakingNote].compactMap(\.self)
    if case .prefix? = form, config.taskType == .sequenceToSequence,
      !inputRowCount.isMultiple(of: 2)
    {
      notes.append(
        "TGIS refuses a prompt of \(inputRowCount) rows for an encoder: their number must be even")
    }
    return notes
  }

  /// A note about rows that a baked prompt does not use; nil when it uses all.
  ///
  /// PEFT's `generate` puts the first `num_virtual_tokens` rows before the encoder's input, for
  /// both methods. The rows of a second submodule are for the decoder, in training
  /// (spec/mpt-operations.md, O25).
  private var bakingNote: String? {
    let count = inputRowCount
    guard count < dimensions.virtualTokenCount else { return nil }
    return
      "PEFT generates with the first \(count) of the \(dimensions.virtualTokenCount) rows; the "
      + "others are for the decoder in training, and prompt tuning never uses them"
  }

  /// Bakes every task, each into `task-K` of a directory that appears whole or not at all: an
  /// adapter directory, or bare embeddings in a form, such as the file `task-K.npy`.
  ///
  /// - Throws: as ``prompt(ofTask:dtype:)``, and `alreadyExists` and `system` for the output.
  public func bakeAllTasks(
    to path: String, dtype: DType = .float32, as form: PromptForm? = nil,
    policy: OutputPolicy = OutputPolicy()
  ) throws(CheckpointError) {
    try ComputedAdapter.refuse(path, holding: [adapter.directory.path])
    var output = try AtomicDirectory(path: path, policy: policy)
    for task in 0..<dimensions.taskCount {
      let name = "task-\(task)"
      if let form {
        try prompt(ofTask: task, dtype: dtype).write(
          as: form, into: &output, at: RelativePath(name))
      } else {
        let baked = try baking(task: task, dtype: dtype)
        try output.makeDirectory(RelativePath(name))
        try baked.write(into: output, directory: name)
      }
    }
    try output.commit()
  }
}
