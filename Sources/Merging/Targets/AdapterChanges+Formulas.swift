// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import Kernels
internal import LowRank
internal import PEFT
internal import Tensors

extension AdapterChanges {
  /// Adds the changes of methods that are formulas of the file (spec/merging.md, MG24).
  mutating func addFormulas() throws(CheckpointError) {
    let type = try adapter.config.peftType.rawValue
    // Of a square weight the kind of the layer tells the orientation.
    guard let upright = try updates(isExchanged: false),
      let exchanged = try updates(isExchanged: true)
    else { throw MergeRefusals.method(type, path: source.adapter.directory.configPath) }
    for tensors in upright.modules {
      let name = tensors.name
      let module = try self.module(name)
      guard let shape = module.shape(of: "weight") else {
        throw refusal(name, "has no weight in the base model", code: .missing)
      }
      let isTransposed = module.kind == .transposedLinear
      let updates = isTransposed ? exchanged : upright
      let scale = source.scale
      let arithmetic = arithmetic(of: module)
      // A change that does not fit is refused before anything is written.
      let first = try updates.changes(ofWeight: name, shape: shape, in: arithmetic)[0]
      guard let width = ParameterShape(shape, isStack: false)?.width, width > 0 else {
        throw refusal(name, "has the shape \(shape), which cannot be merged into")
      }
      if first.needsBase { try refuseScale("\(type) does not add to \(name.printable)") }
      add(
        .formula { () throws(CheckpointError) in
          let change = try updates.changes(ofWeight: name, shape: shape, in: arithmetic)[0]
          guard case .addition(var delta) = change else { return change }
          if scale != 1 { delta = .scaled(delta, by: scale) }
          guard delta.width != width else { return .addition(delta) }
          // A change of a convolution may be a matrix of other rows; its elements have the same order.
          return .addition(.matrix(delta.rows(0..<delta.rowCount).reshaped(width: width)))
        }, to: name)
      if case .scaling(let factors, let axis) = first,
        module.shape(of: "bias") == Shape([factors.count]),
        isOfOutputs(axis, shape, isTransposed: isTransposed, in: tensors)
      {
        add(
          .formula { .scaling(factors, WeightAxis(stride: 1, count: factors.count)) }, to: name,
          "bias")
      }
    }
  }

  /// Whether the factors of (IA)³ go along the outputs, so that the bias is scaled, too.
  private func isOfOutputs(
    _ axis: WeightAxis, _ shape: Shape, isTransposed: Bool, in tensors: ModuleTensors
  ) -> Bool {
    let name = TensorName("base_model.model.\(tensors.name).ia3_l")
    let stored = adapter.weights.index(of: name).map { adapter.weights.tensor(at: $0).shape }
    if let sizes = stored?.dimensions, sizes.count == 2 {
      return sizes[1] == 1 && (sizes[0] != 1 || axis.count == 1)
    }
    let rest = shape.dimensions.dropFirst().reduce(UInt(1)) {
      $0.multipliedReportingOverflow(by: $1).partialValue
    }
    return isTransposed ? axis.stride == 1 : UInt(axis.stride) == rest
  }

  private func updates(isExchanged: Bool) throws(CheckpointError) -> AdapterUpdates? {
    var config = adapter.config
    config.document["fan_in_fan_out"] = .bool(isExchanged)
    return try AdapterUpdates(
      Adapter(directory: adapter.directory, config: config, weights: adapter.weights))
  }

  /// F64 for a weight of F64, else F32.
  private func arithmetic(of module: BaseModule) -> FloatFormat {
    guard let weights = source.base.weights,
      let part = module.parameters.first(where: { $0.name == "weight" })?.parts.first
    else { return .float32 }
    return weights.tensor(at: part.tensor).dtype == .float64 ? .float64 : .float32
  }
}
