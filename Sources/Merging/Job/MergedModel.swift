// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Conversion
internal import Files
internal import JSONDocument
internal import Kernels
internal import PEFT
internal import Synchronization
internal import Tensors

/// What a merge does to the base model while it is converted: it casts the weights, overlays the merged
/// tensors, and puts the config right.
final class MergedModel: ModelChange {
  private let targets: MergeTargets
  /// The names of the tensors of the base model.
  private let names: [TensorName]
  private let dtype: DType?
  private let refusesNonFinite: Bool
  private let archive = Mutex<MergedArchive?>(nil)
  /// The effects of the cast of the base model, known after the weights are written.
  let casts = CastRecord()

  /// Describes the merged model.
  init(_ targets: MergeTargets, of base: BaseModel, options: MergeOptions) {
    self.targets = targets
    names = base.weights?.tensors.map(\.name) ?? []
    dtype = options.dtype
    refusesNonFinite = options.style == .safe
  }

  /// Remarks for the user.
  var notes: [String] { targets.notes }

  /// The merged weights, once they were planned.
  var merged: MergedArchive? { archive.withLock { $0 } }

  func change(_ weights: any TensorArchive) throws(CheckpointError) -> any TensorArchive {
    // The targets are places in the weights that the base model was opened with.
    guard names == weights.tensors.map(\.name) else {
      throw CheckpointError(.mismatch, "changed while it was read", path: weights.path)
    }
    let base = try cast(weights)
    var tensors = targets.tensors
    for place in tensors.indices {
      if let source = tensors[place].source {
        tensors[place].dtype = base.tensor(at: source).dtype
      } else if let dtype, tensors[place].dtype.isFloatingPoint {
        tensors[place].dtype = dtype
      }
    }
    let merged = try MergedArchive(base, merging: tensors)
    archive.withLock { $0 = merged }
    return refusesNonFinite ? FiniteArchive(merged) : merged
  }

  /// The weights in the dtype of the options, as torch's `module.to(dtype)` casts them.
  private func cast(_ weights: any TensorArchive) throws(CheckpointError) -> any TensorArchive {
    guard let dtype else { return weights }
    let tensors = weights.tensors
    let dtypes = tensors.map { $0.dtype.isFloatingPoint ? dtype : $0.dtype }
    guard zip(tensors, dtypes).contains(where: { $0.dtype != $1 }) else { return weights }
    return try CastArchive(weights, to: dtypes, record: casts)
  }

  func change(_ config: JSONObject) throws(CheckpointError) -> JSONObject? {
    let changed = targets.changed(config: config)
    guard let name = dtype?.torchName else { return changed }
    var cast = changed ?? config
    let isCast = Self.set(dtype: name, in: &cast, depth: Self.configDepth)
    return isCast || changed != nil ? cast : nil
  }

  /// The levels of configs: a model, its parts, and theirs.
  private static let configDepth = 3

  /// Sets the dtype in which transformers loads the model and its parts, where the config has one.
  ///
  /// - Returns: whether anything changed.
  private static func set(dtype: String, in config: inout JSONObject, depth: Int) -> Bool {
    var isChanged = false
    for key in ["dtype", "torch_dtype"] {
      guard let value = config[key]?.string, value != dtype else { continue }
      config[key] = .string(dtype)
      isChanged = true
    }
    guard depth > 1 else { return isChanged }
    for member in config where member.key.hasSuffix("_config") {
      guard var part = member.value.object, set(dtype: dtype, in: &part, depth: depth - 1) else {
        continue
      }
      config[member.key] = .object(part)
      isChanged = true
    }
    return isChanged
  }
}

/// A merged archive that refuses to end a changed tensor with elements that are infinite or NaN.
private final class FiniteArchive: ArchiveDecorator {
  private let merged: MergedArchive

  init(_ merged: MergedArchive) {
    self.merged = merged
  }

  var base: any TensorArchive { merged }

  func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try merged.readTensor(at: index, to: sink)
    try check(index)
  }

  func copyTensor(at index: Int, to output: inout AtomicFile) throws(CheckpointError) {
    try merged.copyTensor(at: index, to: &output)
    try check(index)
  }

  private func check(_ index: Int) throws(CheckpointError) {
    let name = tensor(at: index).name
    let outcome = merged.outcomes.first {
      merged.merged[$0.tensor].name == name && !$0.isFinite
    }
    guard let outcome else { return }
    throw CheckpointError(
      .unsupported,
      "would have infinite or NaN elements after merging \(outcome.module.printable), which PEFT's safe "
        + "merge refuses",
      path: path, tensor: name)
  }
}
