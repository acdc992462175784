// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Kernels
internal import MultitaskPromptTuning
internal import PEFT
internal import Tensors

/// The vectors that an adapter puts in front of the input: one prompt, or one for each task.
struct AdapterPrompts: Sendable {
  /// A prompt.
  struct Prompt: Sendable {
    /// The task of a multitask adapter; nil for the only prompt of another.
    let task: Int?
    /// The number of rows.
    let rowCount: Int
    /// The rows, row-major and little-endian.
    let bytes: [UInt8]
  }

  /// The prompts.
  let prompts: [Prompt]
  /// The number of elements of a row.
  let width: Int
  /// The element type of the rows.
  let format: FloatFormat

  /// Reads the prompt of prompt tuning or P-tuning, or computes those of tasks of multitask prompt
  /// tuning, verified.
  ///
  /// - Parameter tasks: the tasks, in the order of their tokens; nil for all.
  /// - Throws: `unsupported`, naming the method, for one without such a prompt, and for an adapter that has
  ///   trained modules as well; `invalidArgument` for tasks that the adapter does not have.
  init(_ adapter: Adapter, tasks: [Int]?) throws(CheckpointError) {
    let type = adapter.config.document["peft_type"]?.string ?? ""
    switch type {
    case "MULTITASK_PROMPT_TUNING":
      let multitask = try MultitaskPromptAdapter(adapter)
      try Self.refuseOthers(in: adapter, than: MultitaskPromptTensor.allCases.map(\.name))
      var prompts: [Prompt] = []
      for task in tasks ?? Array(0..<multitask.dimensions.taskCount) {
        let prompt = try multitask.prompt(ofTask: task)
        let rowByteCount = prompt.bytes.count / multitask.dimensions.virtualTokenCount
        prompts.append(
          Prompt(
            task: task, rowCount: prompt.inputRowCount,
            bytes: Array(prompt.bytes.prefix(prompt.inputRowCount * rowByteCount))))
      }
      self.prompts = prompts
      width = multitask.dimensions.tokenDimension
      format = .float32
    case "PROMPT_TUNING", "P_TUNING":
      guard tasks == nil else {
        throw .invalidArgument("an adapter of \(type) has one prompt, and no tasks to choose from")
      }
      try Self.refuseOthers(in: adapter, than: [StoredPrompt.name])
      let (prompt, width, format) = try Self.stored(in: adapter)
      (prompts, self.width, self.format) = ([prompt], width, format)
    default:
      let reason =
        Self.reasons[type] ?? "it changes weights, and has no prompt in front of the input"
      throw CheckpointError(
        .unsupported, "is an adapter of \(type.excerpt), which cannot become tokens: \(reason)",
        path: adapter.directory.path)
    }
  }

  /// Why prompts of other methods are no rows of an embedding.
  private static let reasons = [
    "PREFIX_TUNING": "its prompt is keys and values of every layer",
    "CARTRIDGE": "its prompt is keys and values of every layer",
    "ADAPTION_PROMPT": "its prompts are inside of layers",
    "CPT": "its prompt is added to the embeddings of tokens of the base model",
  ]

  /// Refuses an adapter with trained modules, such as a head.
  private static func refuseOthers(
    in adapter: Adapter, than own: [TensorName]
  ) throws(CheckpointError) {
    for index in 0..<adapter.weights.tensorCount {
      let name = adapter.weights.tensor(at: index).name
      guard own.contains(name) else {
        throw CheckpointError(
          .unsupported,
          "is not part of the prompt: tokens do not carry the trained modules of an adapter",
          path: adapter.weights.path, tensor: name)
      }
    }
  }

  /// The stored prompt: the rows that PEFT puts before the input when it generates.
  private static func stored(
    in adapter: Adapter
  ) throws(CheckpointError) -> (prompt: Prompt, width: Int, format: FloatFormat) {
    let stored = try StoredPrompt(of: adapter)
    let tokens = adapter.config.document["num_virtual_tokens"]?.integer
    let isPair = adapter.config.document["task_type"]?.string == "SEQ_2_SEQ_LM"
    let rowCount =
      isPair ? min(max(1, tokens ?? stored.rowCount), stored.rowCount) : stored.rowCount
    let bytes = try adapter.weights.withTensor(at: stored.index) { view throws(CheckpointError) in
      let rows = try view.rows(0..<rowCount)
      return rows.bytes.array(0..<rows.bytes.byteCount)
    }
    return (Prompt(task: nil, rowCount: rowCount, bytes: bytes), stored.width, stored.format)
  }

  /// The rows of all prompts, divided by the scale of the embedding and rounded once to its dtype.
  ///
  /// - Throws: `unsupported` for values that are not finite, or not in that dtype.
  func rows(scale: Double, as target: FloatFormat) throws(CheckpointError) -> [UInt8] {
    var rows: [UInt8] = []
    for prompt in prompts {
      if scale == 1 {
        rows += convertElements(prompt.bytes.span.rawBytes, from: format, to: target)
      } else {
        let count = prompt.bytes.count / format.byteCount
        rows += target.bytes(
          rounded: (0..<count).map { format.value(of: $0, in: prompt.bytes.span.rawBytes) / scale })
      }
    }
    for place in 0..<rows.count / target.byteCount {
      guard !target.value(of: place, in: rows.span.rawBytes).isFinite else { continue }
      throw CheckpointError(
        .unsupported,
        "element \(place) of the prompts is not finite in \(target.dtype), the dtype of the embedding"
      )
    }
    return rows
  }
}

extension FloatFormat {
  /// Numbers in this format, each rounded once.
  func bytes(rounded values: [Double]) -> [UInt8] {
    var wide: [UInt8] = []
    wide.reserveCapacity(values.count * 8)
    for value in values { wide.appendLittleEndian(value.bitPattern) }
    return convertElements(wide.span.rawBytes, from: .float64, to: self)
  }
}
