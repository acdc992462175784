// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Kernels
internal import PEFT
public import Tensors

extension MultitaskPromptAdapter {
  /// Concatenates the tasks of adapters that have the same prompt.
  ///
  /// Lower ranks are padded with zeros, which does not change the products. Factors that differ in
  /// dtype become F32, or F64 if one of them is, which is exact. Config and prompt are those of the
  /// first adapter.
  ///
  /// - Throws: `mismatch` when virtual tokens, submodules, token dimension, task type, the values
  ///   of the prompt, or heads and other companions differ; `invalidArgument` for no adapters and
  ///   for weights that are not finite.
  /// - Complexity: O(bytes).
  public static func concatenating(
    _ adapters: [MultitaskPromptAdapter]
  ) throws(CheckpointError) -> ComputedAdapter {
    guard let first = adapters.first else {
      throw .invalidArgument("there are no adapters to concatenate")
    }
    for adapter in adapters { try adapter.checkValues() }
    for adapter in adapters.dropFirst() { try first.checkShares(with: adapter) }
    let rank = adapters.reduce(0) { max($0, $1.dimensions.rank) }
    let taskCount = adapters.reduce(0) { $0 + $1.dimensions.taskCount }
    try first.checkRank(rank, taskCount: taskCount)
    let sizes = MultitaskPromptDimensions(
      taskCount: taskCount, virtualTokenCount: first.dimensions.virtualTokenCount, rank: rank,
      tokenDimension: first.dimensions.tokenDimension)
    return try first.computed(
      columns: try joined(.columns, of: adapters, sizes),
      rows: try joined(.rows, of: adapters, sizes),
      taskCount: taskCount, rank: rank, origins: adapters.map(\.adapter.directory.path))
  }

  private static func joined(
    _ tensor: MultitaskPromptTensor, of adapters: [MultitaskPromptAdapter],
    _ sizes: MultitaskPromptDimensions
  ) throws(CheckpointError) -> ComputedTensor {
    var formats: Set<FloatFormat> = []
    for adapter in adapters { formats.insert(try adapter.format(of: tensor)) }
    let format: FloatFormat
    if formats.count == 1, let only = formats.first {
      format = only
    } else {
      format = formats.contains(.float64) ? .float64 : .float32
    }
    var bytes: [UInt8] = []
    for adapter in adapters {
      let source = try adapter.format(of: tensor)
      for task in 0..<adapter.dimensions.taskCount {
        let stored = try adapter.bytes(of: tensor, tasks: [task])
        let factor = convertElements(stored.span.rawBytes, from: source, to: format)
        bytes += adapter.padded(factor, tensor, elementByteCount: format.byteCount, to: sizes.rank)
      }
    }
    return try ComputedTensor(
      tensor.name, dtype: format.dtype, shape: sizes.shape(of: tensor), bytes: bytes)
  }

  /// The factor of one task, padded with zeros along the rank.
  private func padded(
    _ bytes: [UInt8], _ tensor: MultitaskPromptTensor, elementByteCount: Int, to rank: Int
  ) -> [UInt8] {
    guard rank > dimensions.rank else { return bytes }
    // The columns are padded in each row, the rows at their end.
    let run = tensor == .columns ? dimensions.rank * elementByteCount : bytes.count
    let width = tensor == .columns ? 1 : dimensions.tokenDimension
    let zeros = [UInt8](
      repeating: 0, count: (rank - dimensions.rank) * width * elementByteCount)
    var padded: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: run) {
      padded += bytes[start..<start + run]
      padded += zeros
    }
    return padded
  }

  /// Refuses an adapter that does not have the same prompt and companions.
  private func checkShares(with other: MultitaskPromptAdapter) throws(CheckpointError) {
    func mismatch(_ message: String, tensor: TensorName? = nil) -> CheckpointError {
      CheckpointError(
        .mismatch, "\(message) \(adapter.directory.path)", path: other.adapter.directory.path,
        tensor: tensor)
    }
    let (own, theirs) = (dimensions, other.dimensions)
    let sizes = [
      ("virtual tokens", theirs.virtualTokenCount, own.virtualTokenCount),
      ("submodules", other.config.submoduleCount, config.submoduleCount),
      ("token_dim", theirs.tokenDimension, own.tokenDimension),
    ]
    let differences = sizes.filter { $0.1 != $0.2 }.map { "\($0.0) \($0.1), not \($0.2)" }
    guard differences.isEmpty else {
      throw mismatch("differs in size (\(differences.joined(separator: "; "))) from")
    }
    guard config[BaseConfigFields.taskType] == other.config[BaseConfigFields.taskType] else {
      throw mismatch("differs in task_type from")
    }
    for token in 0..<own.virtualTokenCount {
      let row = try values(of: .embeddings, row: token)
      let otherRow = try other.values(of: .embeddings, row: token)
      guard row == otherRow else {
        throw mismatch(
          "differs in row \(token) of the prompt from",
          tensor: MultitaskPromptTensor.embeddings.name)
      }
    }
    let others = other.companions
    guard Set(companions.map(\.info.name)) == Set(others.map(\.info.name)) else {
      throw mismatch("does not have the same additional tensors as")
    }
    for tensor in companions {
      let match = others.first { $0.info.name == tensor.info.name }
      let bytes = try match?.bytes()
      let ownBytes = try tensor.bytes()
      guard let match, match.info.dtype == tensor.info.dtype,
        match.info.shape == tensor.info.shape, bytes == ownBytes
      else {
        throw mismatch("differs in a tensor from", tensor: tensor.info.name)
      }
    }
  }
}
