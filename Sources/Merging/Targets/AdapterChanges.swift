// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Kernels
internal import LowRank
internal import PEFT
internal import Tensors

/// The changes that one adapter makes to parameters of the model in memory (spec/merging.md, MG22 to
/// MG27).
struct AdapterChanges {
  /// A parameter of a module.
  struct Place: Hashable {
    let module: TensorName
    let parameter: TensorName

    init(_ module: String, _ parameter: String) {
      self.module = TensorName(module)
      self.parameter = TensorName(parameter)
    }

    var path: String { module.string + "." + parameter.string }
  }

  /// The changes in the order in which PEFT makes them.
  private(set) var changes: [(place: Place, change: ParameterChange)] = []

  let loaded: LoadedAdapter
  let source: MergeSource
  /// The number of the adapter.
  let number: Int
  let style: MergeStyle

  /// - Throws: `unsupported` for what cannot be merged, `missing` or `mismatch` for tensors that do not
  ///   fit the config or the base model.
  /// - Complexity: O(tensors); no tensor data is read, but for the factors of methods other than LoRA.
  init(
    _ loaded: LoadedAdapter, of source: MergeSource, number: Int, style: MergeStyle
  ) throws(CheckpointError) {
    self.loaded = loaded
    self.source = source
    self.number = number
    self.style = style
    try addOwnTensors()
    let type = try adapter.config.peftType
    switch type.rawValue {
    case PEFTType.lora.rawValue: try addLoRA()
    case "TRAINABLE_TOKENS": try addTokenEmbeddings()
    case "LN_TUNING": try addNorms()
    default: try addFormulas()
    }
    try addSaved()
  }

  var adapter: Adapter { loaded.adapter }
  var tree: ModuleTree { loaded.placement.tree }

  mutating func add(
    _ kind: ParameterChange.Kind, to module: String, _ parameter: String = "weight",
    as layer: MergeStyle.Layer = .whole, isShared: Bool = false
  ) {
    changes.append(
      (
        Place(module, parameter),
        ParameterChange(
          kind: kind, rounding: style.rounding(of: layer), adapter: number, isShared: isShared)
      ))
  }

  /// An error about a module of the adapter.
  func refusal(
    _ module: String, _ message: String, code: CheckpointError.Code = .unsupported
  ) -> CheckpointError {
    CheckpointError(
      code, "\(module.printable) \(message)", path: source.adapter.directory.path)
  }

  /// A change that is not a sum has no scale.
  func refuseScale(_ what: String) throws(CheckpointError) {
    guard source.scale != 1 else { return }
    throw CheckpointError(
      .unsupported, "cannot be merged with the scale \(source.scale): \(what)",
      path: source.adapter.directory.path)
  }

  /// The module of a change, whose weight is not packed.
  func module(_ name: String) throws(CheckpointError) -> BaseModule {
    guard let module = tree[name] else {
      throw refusal(name, "is not a module of the base model", code: .missing)
    }
    guard !module.isPacked else {
      throw refusal(
        name, "has quantized weights in the base model, which an adapter cannot be merged into")
    }
    guard module.kind != .attention else {
      throw refusal(
        name,
        "is a MultiheadAttention, which cannot be merged: PEFT adds the update of its output twice")
    }
    return module
  }
}
