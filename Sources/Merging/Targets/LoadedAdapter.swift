// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import LowRank
internal import PEFT
internal import Tensors

/// An adapter as PEFT has it in memory: names, config and experts of the model's class, whatever the
/// file has (spec/merging.md, MG22).
struct LoadedAdapter: Sendable {
  /// The adapter, with tensors that are made of those of the file when they are read.
  let adapter: Adapter
  /// Where it is attached.
  let placement: AdapterPlacement

  /// - Throws: `mismatch` for factors of experts that do not fit each other.
  /// - Complexity: O(tensors); no tensor data is read.
  init(_ adapter: Adapter, _ placement: AdapterPlacement) throws(CheckpointError) {
    self.placement = placement
    let weights = adapter.weights
    let isSame =
      placement.tensors.count == weights.tensorCount
      && placement.tensors.enumerated().allSatisfy { index, tensor in
        tensor.sources == [[index]] && tensor.name == weights.tensor(at: index).name
      }
    let loaded: any TensorArchive =
      isSame ? weights : try Self.composed(placement.tensors, of: weights)
    var config = placement.config
    if placement.tensors.contains(where: { $0.sources.count > 1 || $0.sources[0].count > 1 }) {
      config.document["peft_version"] = .string(ExpertLayout.current)
    }
    self.adapter = Adapter(directory: adapter.directory, config: config, weights: loaded)
  }

  private static func composed(
    _ tensors: [AdapterPlacement.LoadedTensor], of weights: any TensorArchive
  ) throws(CheckpointError) -> any TensorArchive {
    var composed: [ComposedTensor] = []
    for tensor in tensors {
      if tensor.sources.count == 1, tensor.sources[0].count == 1 {
        let view = try FactorView(weights, at: tensor.sources[0][0])
        composed.append(ComposedTensor(tensor.name.string, view))
      } else {
        composed.append(try stack(tensor, of: weights))
      }
    }
    return try ComposedArchive(path: weights.path, format: weights.format, tensors: composed)
  }

  /// The factors of all experts as PEFT stacks them: A is [experts · ranks, in], expert by expert, with
  /// the ranks of several projections one after the other; B is [outs, ranks · experts], in which the
  /// expert changes the fastest, with the projections on the diagonal.
  private static func stack(
    _ tensor: AdapterPlacement.LoadedTensor, of weights: any TensorArchive
  ) throws(CheckpointError) -> ComposedTensor {
    let name = tensor.name.string
    let isA = name.hasSuffix(".lora_A.weight")
    let count = tensor.sources.first?.count ?? 0
    var pieces: [ComposedTensor.Piece] = []
    var (rank, rows, width) = (0, 0, 0)
    var dtypes: Set<DType> = []
    for source in tensor.sources {
      guard let first = source.first, source.count == count else {
        throw misfit(name, "lacks experts of one of its projections", weights)
      }
      let sizes = try FactorView(weights, at: first).sizes
      guard sizes.count == 2 else { throw misfit(name, "has factors of \(sizes)", weights) }
      for (expert, index) in source.enumerated() {
        let view = try FactorView(weights, at: index)
        guard view.sizes == sizes else {
          throw misfit(name, "has experts of the shapes \(sizes) and \(view.sizes)", weights)
        }
        dtypes.insert(view.dtype)
        pieces.append(
          isA
            ? .init(try view.reshaped([1] + sizes), at: [expert, rank, 0])
            : .init(try view.reshaped(sizes + [1]), at: [rows, rank, expert]))
      }
      let grown = rank.addingReportingOverflow(isA ? sizes[0] : sizes[1])
      let longer = rows.addingReportingOverflow(isA ? 0 : sizes[0])
      guard !grown.overflow, !longer.overflow else { throw misfit(name, "is too large", weights) }
      (rank, rows, width) = (grown.partialValue, longer.partialValue, sizes[1])
    }
    let grid = isA ? [count, rank, width] : [rows, rank, count]
    let (stacked, overflow) = rank.multipliedReportingOverflow(by: count)
    guard !overflow else { throw misfit(name, "is too large", weights) }
    let dtype = dtypes.count == 1 ? dtypes.first ?? .float32 : .float32
    return ComposedTensor(
      name, dtype: dtype, shape: isA ? [stacked, width] : [rows, stacked], grid: grid,
      pieces: pieces)
  }

  private static func misfit(
    _ name: String, _ message: String, _ weights: any TensorArchive
  ) -> CheckpointError {
    CheckpointError(.mismatch, "\(name.printable) \(message)", path: weights.path)
  }
}
