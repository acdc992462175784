// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Kernels
internal import PEFT
internal import Tensors

/// LoRA and its variants: Δ = scale · B · A (spec/low-rank.md, U2 to U5).
struct LoRAUpdate: UpdateMethod {
  private let config: AdapterConfig
  private let scales: SharedScales
  private let parameters: TargetParameters

  init(_ adapter: Adapter) throws(CheckpointError) {
    config = adapter.config
    try LoRAVariants.refuseUncomputed(in: adapter)
    scales = SharedScales(adapter)
    parameters = TargetParameters(config)
  }

  /// A module with adapted parameters is known by theirs: the file does not name them.
  func names(of module: ModuleTensors) -> [String] {
    let names = parameters.names(in: module.name)
    return names.isEmpty ? [module.name] : names
  }

  func scale(of name: String) throws(CheckpointError) -> LoRAScale? {
    try scales.scale(of: name)
  }

  func changes(
    of module: ModuleTensors, as name: String, shape: Shape?, in arithmetic: FloatFormat
  ) throws(CheckpointError) -> [WeightChange] {
    let scale = try scales.scale(of: name)
    let products =
      module.has("lora_embedding_A")
      ? try embedding(module, shape, scale, arithmetic)
      : try layer(module, isParameter: name != module.name, shape, scale, arithmetic)
    guard let leaf = try LoRAVariants.magnitudeLeaf(of: module, config) else {
      return products.map { .addition(.scaled($0.product, by: scale.scale)) }
    }
    let magnitudes = try module.values(of: leaf, in: arithmetic)
    return try products.map { product, axis throws(CheckpointError) in
      guard let axis, magnitudes.count == axis.count else {
        throw module.misfit(
          leaf, "has \(magnitudes.count) magnitudes, which the factors do not fit")
      }
      return .normalization(.scaled(product, by: scale.scale), magnitudes: magnitudes, axis)
    }
  }

  func biasChange(
    of module: ModuleTensors, as name: String, in arithmetic: FloatFormat
  ) throws(CheckpointError) -> MatrixExpression? {
    guard module.has("lora_B.bias") else { return nil }
    let bias = try module.matrix("lora_B.bias", in: arithmetic)
    return .scaled(.matrix(bias.transposed), by: try scales.scale(of: name).scale)
  }
}

extension LoRAUpdate {
  private typealias Product = (product: MatrixExpression, axis: WeightAxis?)

  /// The factors of an embedding: its weight is [vocab, dim].
  private func embedding(
    _ module: ModuleTensors, _ shape: Shape?, _ scale: LoRAScale, _ arithmetic: FloatFormat
  ) throws(CheckpointError) -> [Product] {
    let a = try module.sizes(of: "lora_embedding_A", rank: 2...2)
    let b = try module.sizes(of: "lora_embedding_B", rank: 2...2)
    try module.check(rank: a[0], of: "lora_embedding_A", is: scale.rank)
    try module.check(rank: b[1], of: "lora_embedding_B", is: scale.rank)
    if let shape, shape != Shape([a[1], b[0]]) { throw module.misfit(shape) }
    return [
      (
        .product(
          try module.matrix("lora_embedding_A", transposed: true, in: arithmetic),
          try module.matrix("lora_embedding_B", transposed: true, in: arithmetic)),
        WeightAxis(stride: 1, count: b[0])
      )
    ]
  }

  private func layer(
    _ module: ModuleTensors, isParameter: Bool, _ shape: Shape?, _ scale: LoRAScale,
    _ arithmetic: FloatFormat
  ) throws(CheckpointError) -> [Product] {
    let a = try module.sizes(of: "lora_A.weight", rank: 2...5)
    let b = try module.sizes(of: "lora_B.weight", rank: a.count...a.count)
    if a.count == 2, shape.map({ $0.rank == 3 }) ?? isParameter {
      return try experts(module, a, b, shape, scale, arithmetic).map { ($0, nil) }
    }
    try module.check(rank: a[0], of: "lora_A.weight", is: scale.rank)
    guard b[1] == a[0] else {
      guard a.count > 2 else { throw module.misfit("lora_B.weight", "has the rank \(b[1])") }
      throw CheckpointError(
        .unsupported, "\(module.name.printable) is a grouped convolution, which PEFT cannot merge")
    }
    var orientations = [false]
    if a.count == 2, let shape {
      orientations = WeightOrientation.candidates(shape, out: b[0], in: a[1], config: config)
      guard !orientations.isEmpty else { throw module.misfit(shape) }
    } else if let shape, shape != Shape([b[0]] + a.dropFirst()) {
      throw module.misfit(shape)
    }
    let up = try module.matrix("lora_B.weight", in: arithmetic)
    let down = try module.matrix("lora_A.weight", in: arithmetic)
    return orientations.map { isTransposed in
      isTransposed
        ? (.product(down.transposed, up.transposed), WeightAxis(stride: 1, count: b[0]))
        : (.product(up, down), WeightAxis(stride: down.width, count: b[0]))
    }
  }

  /// The factors of a parameter [experts, out, in], or [experts, in, out]: the rows of A are
  /// those of one expert after the other, but in B the expert changes the fastest.
  private func experts(
    _ module: ModuleTensors, _ a: [Int], _ b: [Int], _ shape: Shape?, _ scale: LoRAScale,
    _ arithmetic: FloatFormat
  ) throws(CheckpointError) -> [MatrixExpression] {
    let rank = scale.rank
    guard b[1] == a[0], a[0] % rank == 0 else {
      throw module.misfit("lora_A.weight", "has \(a[0]) rows, not the rank \(rank) for each expert")
    }
    let count = a[0] / rank
    let orientations = orientations(a, b, count, shape)
    guard !orientations.isEmpty else { throw module.misfit(shape ?? []) }
    let up = try module.matrix("lora_B.weight", in: arithmetic)
    let down = try module.matrix("lora_A.weight", in: arithmetic)
    return orientations.map { isTransposed in
      .stacked(
        (0..<count).map { expert in
          let b = up.gathered(rowCount: up.rowCount, width: rank) { row, r in
            row * up.width + r * count + expert
          }
          let a = down.rows(expert * rank..<(expert + 1) * rank)
          return isTransposed ? .product(a.transposed, b.transposed) : .product(b, a)
        })
    }
  }

  /// Whether the parameter is [experts, in, out], the likeliest first. Of square parameters the
  /// release tells it of most models: 0.19.1 exchanged the two.
  private func orientations(_ a: [Int], _ b: [Int], _ count: Int, _ shape: Shape?) -> [Bool] {
    guard let shape else { return [false] }
    let isOld = isBefore(PEFTRelease(0, 19, 1))
    return [isOld, !isOld].filter {
      shape == ($0 ? Shape([count, a[1], b[0]]) : Shape([count, b[0], a[1]]))
    }
  }

  /// Whether the adapter is of an earlier release; one that names none is.
  private func isBefore(_ release: PEFTRelease) -> Bool {
    let numbers = config.document["peft_version"]?.string?.split(separator: ".").map { Int($0) }
    guard let numbers, numbers.count >= 3, let major = numbers[0], let minor = numbers[1] else {
      return true
    }
    // A patch that is not a number is that of a development version.
    return PEFTRelease(major, minor, numbers[2] ?? 0) < release
  }
}
