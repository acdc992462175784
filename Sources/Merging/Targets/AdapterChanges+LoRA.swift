// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Kernels
internal import LowRank
internal import PEFT
internal import Tensors

extension AdapterChanges {
  /// Adds the products of LoRA (spec/merging.md, MG23).
  mutating func addLoRA() throws(CheckpointError) {
    let updates = try LowRankAdapter(adapter, base: source.base)
    let isMiCA = adapter.config.document["init_lora_weights"]?.string?.lowercased() == "mica"
    for update in updates.modules {
      let path = update.name.components
      var (name, parameter) = (update.name, "weight")
      if case .experts = update.kind, let last = path.last, path.count > 1 {
        (name, parameter) = (path.dropLast().dotted, String(last))
      }
      guard !loaded.placement.following.contains(name) else { continue }
      let module = try self.module(name)
      guard let shape = module.shape(of: parameter),
        let extents = ParameterShape(shape, isStack: isStack(module, shape))
      else {
        throw refusal(
          update.name, "has no \(parameter.printable) in the base model", code: .missing)
      }
      let products = try products(of: update, in: module, extents)
      for product in products {
        let term = product.terms[0]
        guard term.left.sizes[0] == extents.rows, term.right.sizes[1] == extents.width else {
          throw refusal(
            update.name,
            "is \(shape) in the base model, which the factors \(update.b.sizes) and "
              + "\(update.a.sizes) do not fit", code: .mismatch)
        }
      }
      let isParameter = if case .experts = update.kind { true } else { update.kind == .embedding }
      let layer: MergeStyle.Layer =
        update.magnitude != nil ? .whole : isParameter || isMiCA ? .other : .layer
      if update.magnitude != nil {
        try refuseScale(
          "\(name.printable) has DoRA's magnitudes, which are not added to its weight")
      }
      add(.products(products), to: name, parameter, as: layer)
      try addBias(of: update, in: module)
    }
  }

  /// Whether a parameter is a stack of experts.
  func isStack(_ module: BaseModule, _ shape: Shape) -> Bool {
    switch module.kind {
    case .convolution, .transposedConvolution: false
    default: shape.rank == 3
    }
  }

  private func products(
    of update: LowRankModule, in module: BaseModule, _ extents: ParameterShape
  ) throws(CheckpointError) -> [LowRankProduct] {
    let scale = update.scale.scale * source.scale
    func product(
      _ left: FactorView, _ right: FactorView, axis: LowRankProduct.Axis
    ) -> LowRankProduct {
      LowRankProduct(
        [LowRankProduct.Term(left: left, right: right, scale: scale)],
        magnitudes: update.magnitude, axis: axis)
    }
    switch update.kind {
    case .linear:
      return module.kind == .transposedLinear
        ? [product(update.a.transposed(), update.b.transposed(), axis: .columns)]
        : [product(update.b, update.a, axis: .rows)]
    case .embedding: return [product(update.a.transposed(), update.b.transposed(), axis: .columns)]
    case .convolution:
      let (rank, out) = (update.a.sizes[0], update.b.sizes[0])
      let width = update.a.elementCount / max(1, rank)
      guard width == extents.width else {
        throw refusal(
          update.name,
          "is a grouped convolution in the base model, or one of another kernel, which cannot be merged"
        )
      }
      return [
        product(
          try update.b.reshaped([out, rank]), try update.a.reshaped([rank, width]), axis: .rows)
      ]
    case .experts(let count, let isTransposed):
      guard count == extents.experts else {
        throw refusal(
          update.name,
          "has factors of \(count) experts, but the base model has \(extents.experts)",
          code: .mismatch)
      }
      var products: [LowRankProduct] = []
      for expert in 0..<count {
        let a = try update.a.subrange(axis: 0, expert..<expert + 1)
          .reshaped(Array(update.a.sizes.dropFirst()))
        let b = try update.b.subrange(axis: 0, expert..<expert + 1)
          .reshaped(Array(update.b.sizes.dropFirst()))
        products.append(
          isTransposed && extents.experts > 1
            ? product(a.transposed(), b.transposed(), axis: .columns)
            : product(b, a, axis: .rows))
      }
      return products
    }
  }

  /// Adds `lora_bias`: s · the bias of B is added to the module's own.
  private mutating func addBias(
    of update: LowRankModule, in module: BaseModule
  ) throws(CheckpointError) {
    guard let bias = update.bias else { return }
    guard let shape = module.shape(of: "bias") else {
      throw refusal(
        update.name,
        "has no bias in the base model, to which that of \"lora_bias\" could be added")
    }
    guard shape == Shape(bias.sizes) else {
      throw refusal(update.name, "has a bias \(shape), not \(Shape(bias.sizes))", code: .mismatch)
    }
    let scale = update.scale.scale * source.scale
    add(
      .formula { () throws(CheckpointError) in
        let values = try bias.values(in: bias.dtype == .float64 ? .float64 : .float32)
        return .addition(
          .scaled(
            .matrix(BoundedMatrix(rowCount: values.count, width: 1, values: values)), by: scale))
      }, to: update.name, "bias")
  }
}
