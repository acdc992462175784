// SPDX-License-Identifier: Apache-2.0
internal import Archives
public import JSONDocument
internal import LowRank
public import PEFT
public import Tensors

/// What merging adapters changes in the files of a base model: which rows of which tensors, how, and
/// what of its config (spec/merging.md, MG20 to MG46).
public struct MergeTargets: Sendable {
  /// An adapter, and what its scale is multiplied by.
  public struct Source: Sendable {
    /// The adapter.
    public var adapter: Adapter
    /// What its change is multiplied by; 1 for the adapter as it is.
    public var scale: Double

    /// Describes an adapter to merge.
    public init(_ adapter: Adapter, scale: Double = 1) {
      self.adapter = adapter
      self.scale = scale
    }
  }

  /// The tensors that change, and those that are added.
  public let tensors: [MergedTensor]
  /// Remarks for the user, one line each.
  public let notes: [String]

  private let configChanges: [(key: String, value: JSONValue)]

  /// Finds the targets of adapters that are merged one after the other.
  ///
  /// - Parameters:
  ///   - sources: the adapters, in order.
  ///   - base: the base model, whose weights' indices the tensors have.
  ///   - style: where changes are rounded.
  ///   - sumsFirst: whether the changes of all adapters are added up and rounded once.
  /// - Throws: `unsupported` for what cannot be merged, `missing` or `mismatch` for an adapter that does
  ///   not fit the base model as a whole. Nothing is left out in silence.
  /// - Complexity: O(modules + tensors); no tensor data is read, but for the factors of methods other
  ///   than LoRA.
  public init(
    _ sources: [Source], into base: BaseModel, style: MergeStyle = .once, sumsFirst: Bool = false
  ) throws(CheckpointError) {
    guard let weights = base.weights else {
      throw CheckpointError(.missing, "has no weights to merge into", path: base.path)
    }
    var all: [AdapterChanges] = []
    for (number, source) in sources.enumerated() {
      try QuantizedBase.refuse(base, for: source.adapter)
      let source = MergeSource(adapter: source.adapter, base: base, scale: source.scale)
      try MergeRefusals.check(source)
      guard
        let placement = try AdapterPlacement(
          source.adapter.config, source.adapter.weights, in: base)
      else {
        throw CheckpointError(.mismatch, "has no modules that are known", path: base.path)
      }
      all.append(
        try AdapterChanges(
          LoadedAdapter(source.adapter, placement), of: source, number: number, style: style))
    }
    var plan = MergedParameters(all, weights: weights, base: base)
    try plan.place(sumsFirst: sumsFirst)
    tensors = try plan.tensors()
    notes = plan.notes
    configChanges = plan.configChanges
  }

  /// The config of the merged model; nil where it is that of the base model.
  public func changed(config: JSONObject) -> JSONObject? {
    guard !configChanges.isEmpty else { return nil }
    var changed = config
    for (key, value) in configChanges {
      changed[key] = value
      if var text = changed["text_config"]?.object, text[key] != nil {
        text[key] = value
        changed["text_config"] = .object(text)
      }
    }
    return changed
  }
}
