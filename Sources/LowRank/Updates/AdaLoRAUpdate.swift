// SPDX-License-Identifier: Apache-2.0
internal import JSONDocument
internal import Kernels
internal import PEFT
internal import Tensors

/// AdaLoRA: Δ = α / (init_r + 10⁻⁵) · B · (E ∘ A) (spec/low-rank.md, U21).
struct AdaLoRAUpdate: UpdateMethod {
  private let config: AdapterConfig
  private let configPath: String
  private let method = AdaLoRAMethod()

  init(_ adapter: Adapter) {
    config = adapter.config
    configPath = adapter.directory.configPath
  }

  /// The rank before pruning, by which PEFT goes on dividing.
  private func initialRank() throws(CheckpointError) -> Int {
    guard let rank = config.document["init_r"].map({ $0.integer }) ?? 12, rank >= 0 else {
      throw undefined("init_r")
    }
    return rank
  }

  func scale(of name: String) throws(CheckpointError) -> LoRAScale? {
    let scale: LoRAScale = try scale(ofModule: name)
    return scale
  }

  private func scale(ofModule name: String) throws(CheckpointError) -> LoRAScale {
    var sizes = ModuleSizes(
      method.moduleSizes, of: config, matching: method.patternMatching)
    guard let rank = method.values(of: config, in: name, sizes: &sizes)["r"] else {
      throw undefined("init_r\" or \"rank_pattern")
    }
    guard let alpha = config.document["lora_alpha"].map({ $0.number }) ?? 8 else {
      throw undefined("lora_alpha")
    }
    let factor = alpha > 0 ? alpha : Double(rank)
    return LoRAScale(rank: rank, alpha: factor, scale: factor / Self.divisor(try initialRank()))
  }

  private static func divisor(_ rank: Int) -> Double { Double(rank) + 1e-5 }

  func changes(
    of module: ModuleTensors, as name: String, shape: Shape?, in arithmetic: FloatFormat
  ) throws(CheckpointError) -> [WeightChange] {
    let scale = try scale(ofModule: name)
    let a = try module.sizes(of: "lora_A", rank: 2...2, allowsNone: true)
    let b = try module.sizes(of: "lora_B", rank: 2...2, allowsNone: true)
    let e = try module.sizes(of: "lora_E", rank: 2...2, allowsNone: true)
    try module.check(rank: a[0], of: "lora_A", is: scale.rank)
    try module.check(rank: b[1], of: "lora_B", is: scale.rank)
    try module.check(rank: e[0], of: "lora_E", is: scale.rank)
    guard a[1] > 0, b[0] > 0, e[1] == 1 else {
      throw module.misfit("lora_E", "has \(e[1]) columns")
    }
    let orientations = try orientations(shape, out: b[0], in: a[1], of: module)
    guard scale.rank > 0 else {
      return orientations.map { .addition(Self.nothing($0 ? a[1] : b[0], $0 ? b[0] : a[1])) }
    }
    let up = try module.matrix("lora_B", in: arithmetic)
    let values = try module.matrix("lora_E", in: arithmetic)
    let down = try module.matrix("lora_A", in: arithmetic).multiplied(
      elementwise: values.tiled(rowCount: scale.rank, width: a[1]))
    return try orientations.map { isTransposed throws(CheckpointError) in
      let product: MatrixExpression =
        isTransposed ? .product(down.transposed, up.transposed) : .product(up, down)
      // PEFT multiplies by α and divides by a sum: three roundings, two of which are of this scale.
      return .addition(
        .scaled(
          .scaled(product, by: scale.alpha), by: 1 / Self.divisor(try initialRank())))
    }
  }

  /// Whether the weight has its inputs first; that of a convolution has a kernel after them.
  private func orientations(
    _ shape: Shape?, out: Int, in input: Int, of module: ModuleTensors
  ) throws(CheckpointError) -> [Bool] {
    guard let shape else { return [false] }
    if shape.rank == 2 {
      let found = WeightOrientation.candidates(shape, out: out, in: input, config: config)
      guard !found.isEmpty else { throw module.misfit(shape) }
      return found
    }
    var elements = 1
    for extent in shape.dimensions.dropFirst() {
      let (product, overflow) = elements.multipliedReportingOverflow(
        by: Int(exactly: extent) ?? .max)
      guard !overflow else { throw module.misfit(shape) }
      elements = product
    }
    guard shape.rank == 4, shape.dimensions[0] == UInt(out), elements == input else {
      throw module.misfit(shape)
    }
    return [false]
  }

  /// Of a module whose ranks are all pruned nothing is left.
  private static func nothing(_ rowCount: Int, _ width: Int) -> MatrixExpression {
    .product(
      BoundedMatrix(rowCount: rowCount, width: 1, values: [Double](repeating: 0, count: rowCount)),
      BoundedMatrix(rowCount: 1, width: width, values: [Double](repeating: 0, count: width)))
  }

  private func undefined(_ key: String) -> CheckpointError {
    CheckpointError(.mismatch, "\"\(key)\" is not a number that PEFT takes", path: configPath)
  }
}
