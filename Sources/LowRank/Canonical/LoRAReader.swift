// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import PEFT
internal import Tensors

/// Reads the modules of a LoRA adapter into canonical form.
struct LoRAReader {
  let adapter: Adapter
  private let scales: SharedScales
  private let layout: ExpertLayout
  let tensors: [ModuleTensors]
  private let parameters: TargetParameters
  private(set) var modules: [LowRankModule] = []

  init(_ adapter: Adapter, base: BaseModel?) throws(CheckpointError) {
    self.adapter = adapter
    scales = SharedScales(adapter)
    layout = ExpertLayout(adapter.config, base: base)
    tensors = ModuleTensors.all(of: adapter, prefix: "lora_")
    parameters = TargetParameters(adapter.config)
  }

  /// Reads all modules.
  mutating func read() throws(CheckpointError) {
    let names = try parameterNames()
    for (name, module) in zip(names, tensors) {
      if let name {
        modules.append(try parameter(module, name))
      } else {
        modules.append(try self.module(module))
      }
    }
  }

  /// The name of the parameter that each module's factors belong to; nil for a module's own weight.
  ///
  /// The file names none. The innermost factors of a module are those of its first parameter
  /// (spec/low-rank.md, U25).
  private func parameterNames() throws(CheckpointError) -> [String?] {
    var names = [String?](repeating: nil, count: tensors.count)
    guard !parameters.isEmpty else { return names }
    var levels: [TensorName: [Int]] = [:]
    for (index, module) in tensors.enumerated() where !module.has("lora_embedding_A") {
      levels[TensorName(module.name), default: []].append(index)
    }
    for (module, indices) in levels {
      let known = parameters.names(in: module.string)
      guard !known.isEmpty else { continue }
      let ordered = ExpertLayout.inModuleOrder(known)
      guard ordered.count == indices.count else {
        throw CheckpointError(
          .mismatch,
          "\(module.printable) has \(Sizes.count(indices.count, "pair")) of factors for "
            + "\(Sizes.count(ordered.count, "parameter")) of \"target_parameters\"",
          path: adapter.weights.path)
      }
      let innermostFirst = indices.sorted { tensors[$0].depth > tensors[$1].depth }
      for (index, name) in zip(innermostFirst, ordered) { names[index] = name }
    }
    return names
  }

  private func module(_ module: ModuleTensors) throws(CheckpointError) -> LowRankModule {
    let scale = try scales.scale(of: module.name)
    guard module.has("lora_embedding_A") else {
      return try layer(module, scale)
    }
    let a = try module.view("lora_embedding_A", rank: 2...2)
    let b = try module.view("lora_embedding_B", rank: 2...2)
    try module.check(rank: a.sizes[0], of: "lora_embedding_A", is: scale.rank)
    try module.check(rank: b.sizes[1], of: "lora_embedding_B", is: scale.rank)
    return LowRankModule(
      name: module.name, kind: .embedding, a: a, b: b, scale: scale,
      magnitude: try magnitude(of: module, count: b.sizes[0]))
  }

  private func layer(
    _ module: ModuleTensors, _ scale: LoRAScale
  ) throws(CheckpointError) -> LowRankModule {
    let a = try module.view("lora_A.weight", rank: 2...5)
    let b = try module.view("lora_B.weight", rank: a.sizes.count...a.sizes.count)
    try module.check(rank: a.sizes[0], of: "lora_A.weight", is: scale.rank)
    guard b.sizes[1] == a.sizes[0] else {
      guard a.sizes.count > 2 else {
        throw module.misfit("lora_B.weight", "has the rank \(b.sizes[1])")
      }
      throw CheckpointError(
        .unsupported, "\(module.name.printable) is a grouped convolution, which PEFT cannot merge")
    }
    guard b.sizes.dropFirst(2).allSatisfy({ $0 == 1 }) else {
      throw module.misfit("lora_B.weight", "has the shape \(Shape(b.sizes))")
    }
    let kernel = Array(a.sizes.dropFirst(2))
    var bias: FactorView?
    if module.has("lora_B.bias") {
      bias = try module.view("lora_B.bias", rank: 1...1)
      guard bias?.sizes == [b.sizes[0]] else {
        throw module.misfit("lora_B.bias", "does not have \(b.sizes[0]) elements")
      }
    }
    return LowRankModule(
      name: module.name, kind: kernel.isEmpty ? .linear : .convolution(kernel: kernel), a: a, b: b,
      scale: scale, magnitude: try magnitude(of: module, count: b.sizes[0]), bias: bias)
  }

  /// DoRA's magnitudes as a vector; nil for a module without.
  private func magnitude(
    of module: ModuleTensors, count: Int
  ) throws(CheckpointError) -> FactorView? {
    guard let leaf = try LoRAVariants.magnitudeLeaf(of: module, adapter.config) else { return nil }
    let view = try module.view(leaf, rank: 1...5)
    guard view.elementCount == count else {
      throw module.misfit(
        leaf, "has \(view.elementCount) magnitudes, which the factors do not fit")
    }
    return try view.reshaped([count])
  }

  /// The factors of a parameter: stacked experts, or a matrix.
  private func parameter(
    _ module: ModuleTensors, _ name: String
  ) throws(CheckpointError) -> LowRankModule {
    let scale = try scales.scale(of: name)
    let a = try module.view("lora_A.weight", rank: 2...2)
    let b = try module.view("lora_B.weight", rank: 2...2)
    let rank = scale.rank
    guard b.sizes[1] == a.sizes[0], a.sizes[0] % rank == 0 else {
      throw module.misfit(
        "lora_A.weight", "has \(a.sizes[0]) rows, not the rank \(rank) for each expert")
    }
    let count = a.sizes[0] / rank
    let isTransposed = layout.isTransposed
    // The rows of the first factor are those of one expert after the other; among the columns of the
    // second, the expert changes the fastest.
    let first = try a.reshaped([count, rank, a.sizes[1]])
    let second = try b.reshaped([b.sizes[0], rank, count])
    let isUsual = layout.startsWithInputs
    return LowRankModule(
      name: name, kind: .experts(count: count, isTransposed: isTransposed),
      a: isUsual ? first : second.permuted([2, 1, 0]),
      b: isUsual ? second.permuted([2, 0, 1]) : first.permuted([0, 2, 1]), scale: scale)
  }
}
