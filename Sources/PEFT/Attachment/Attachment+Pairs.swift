// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Tensors

extension Attachment {
  /// Findings about tensors of one module of the base model that contradict each other, or what a
  /// module of the kind has (spec/adapter-methods.md, A22).
  func pairFindings(_ whole: WholeTensors) -> [Finding] {
    whole.modules.flatMap { ownFindings($0) } + adaptedFindings(whole)
  }

  /// Findings about the weight and the bias of a module.
  private func ownFindings(_ module: WholeTensors.Module) -> [Finding] {
    var findings: [Finding] = []
    let name = module.name.prefix(before: ".base_layer") ?? module.name
    if let weight = floatingPoint(module.tensors["weight"]) {
      if weight.shape.rank != 1, ModuleNames.isNormalization(name) {
        findings.append(dimensionFinding(weight, "the weight of a normalization has one dimension"))
      } else if weight.shape.rank != 2, ModuleNames.isMatrix(name) {
        findings.append(dimensionFinding(weight, "the weight of such a module is a matrix"))
      }
    }
    guard let bias = floatingPoint(module.tensors["bias"]) else { return findings }
    // A mask of attention is called so, too.
    if bias.shape.rank != 1, bias.shape.rank < 4 {
      findings.append(dimensionFinding(bias, "a bias has one dimension"))
    } else if let mismatch = mismatch(module) {
      findings.append(mismatch)
    }
    return findings
  }

  private func floatingPoint(_ index: Int?) -> TensorInfo? {
    guard let index else { return nil }
    let tensor = weights.tensor(at: index)
    return tensor.dtype.isFloatingPoint && tensor.byteCount > 0 ? tensor : nil
  }

  private func dimensionFinding(_ tensor: TensorInfo, _ rule: String) -> Finding {
    Finding(
      .error, "shape-mismatch", "\(tensor.name) has the shape \(tensor.shape), but \(rule)",
      tensor: tensor.name)
  }

  /// A finding about a bias of another length than its weight has outputs.
  private func mismatch(_ module: WholeTensors.Module) -> Finding? {
    guard let weight = module.tensors["weight"], let bias = module.tensors["bias"],
      floatingPoint(weight) != nil
    else { return nil }
    let shape = weights.tensor(at: weight).shape.dimensions
    guard let length = weights.tensor(at: bias).shape.dimensions.first.flatMap(Int.init(exactly:)),
      shape.count == 1 || shape.count == 2,
      let outputs = Int(
        exactly: shape[ModuleNames.isTransposed(module.name) ? shape.count - 1 : 0]),
      outputs != length, !shape.contains(where: { $0 == 0 })
    else { return nil }
    return contradiction(
      (weight, outputs), (bias, length), "a module has as many biases as outputs")
  }

  /// Findings about the bias and the weight of the base model in adapted modules, and the factors.
  private func adaptedFindings(_ whole: WholeTensors) -> [Finding] {
    zip(modules, fits).flatMap { module, fit -> [Finding] in
      guard fit.mismatches.isEmpty else { return [] }
      let base = whole[module.name + ".base_layer"]
      var findings: [Finding] = []
      if let bias = floatingPoint(base["bias"]), bias.shape.rank == 1 {
        findings += contradictions(module, base["bias"], ["out"])
      }
      if let weight = floatingPoint(base["weight"]), weight.shape.rank == 2,
        module.form.layers != [.convolution(2)], !ModuleNames.isTransposed(module.name)
      {
        let isEmbedding = module.form.layers.contains(.embedding)
        findings += contradictions(
          module, base["weight"], isEmbedding ? ["vocab", "out"] : ["out", "in"])
      }
      return findings
    }
  }

  /// Findings about extents of a tensor of the base model that differ from those of the factors.
  private func contradictions(
    _ module: AttachedModule, _ index: Int?, _ symbols: [String]
  ) -> [Finding] {
    guard let index else { return [] }
    return zip(symbols, weights.tensor(at: index).shape.dimensions).compactMap { symbol, extent in
      guard let extent = Int(exactly: extent), let value = module.values[symbol], value != extent,
        let factor = module.tensor(with: symbol)
      else { return nil }
      // Some initialisations of LoRA take a transposed weight as it is.
      if ModuleNames.isTransposed(module.name), module.values["in"] == extent { return nil }
      return contradiction(
        (factor, value), (index, extent),
        "\"\(symbol)\" is \(value) in one and \(extent) in the other")
    }
  }
}

extension AttachedModule {
  /// The first tensor that has a symbol as an extent.
  func tensor(with symbol: String) -> Int? {
    form.tensors.lazy.filter { tensor in
      tensor.shape.contains { $0.symbol.split(separator: " ").contains(symbol[...]) }
    }.compactMap { tensors[$0.name] }.first
  }
}
