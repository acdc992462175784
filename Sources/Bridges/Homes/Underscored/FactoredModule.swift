// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import LowRank
internal import PEFT
internal import Tensors

/// The factors of a LoHa or LoKr module, whose shapes fit the weight of the base model.
struct FactoredModule {
  /// The name in the base model.
  let name: String
  /// The rank; of a LoKr whose factors are full, one for which PEFT makes them full too.
  let rank: Int
  /// The tensors by the names below the module, in PEFT's shapes.
  private(set) var tensors: [(leaf: String, view: FactorView)] = []
  /// The tensor of α.
  let alpha: Int?
  /// LoKr's first and second factor without the kernel; of LoHa [1, 1] and the weight.
  let small: KroneckerFactors.Size, large: KroneckerFactors.Size
  let isSmallLowRank: Bool, isLargeLowRank: Bool
  let hasCore: Bool
  /// Whether the weight is that of a convolution over more than one place.
  private let isSpatial: Bool

  /// The tensors of a module.
  static let loha: Set<String> = [
    "alpha", "hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2",
  ]
  static let lokr: Set<String> = [
    "alpha", "lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2",
  ]

  /// Whether no factor has a rank.
  var isFull: Bool { !isSmallLowRank && !isLargeLowRank }
  /// Whether PEFT would give it a core if others have one.
  var couldHaveCore: Bool { isSpatial && isLargeLowRank }

  /// Takes the tensors of a module.
  ///
  /// - Throws: `missing` for a factor without the other, `mismatch` for shapes that do not fit.
  init(
    _ module: UnderscoredModule, _ base: KnownModule, isLoKr: Bool, in archive: any TensorArchive
  ) throws(CheckpointError) {
    guard let weight = base.weight, Self.isAdapted(base.kind) else {
      throw CheckpointError(
        .unsupported,
        "\(base.name.printable) is not a linear layer or a convolution with a weight of its own",
        path: archive.path)
    }
    let extents = weight.dimensions.map { Int(exactly: $0) ?? 0 }
    let kernel = Array(extents.dropFirst(2))
    let (outputs, inputs) = (extents[0], extents[1])
    let places = kernel.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
    name = base.name
    alpha = module.leaves["alpha"]
    isSpatial = kernel.contains { $0 != 1 }
    var tensors: [(leaf: String, view: FactorView)] = []
    func view(_ leaf: String) throws(CheckpointError) -> FactorView {
      try module.view(leaf, in: archive)
    }
    /// Takes a tensor whose shape is known.
    func take(_ leaf: String, _ shape: [Int], as written: [Int]? = nil) throws(CheckpointError) {
      let view = try view(leaf)
      guard view.sizes == shape else {
        throw CheckpointError(
          .mismatch,
          "has the shape \(Shape(view.sizes)), and \(base.name.printable) of \(weight) needs \(Shape(shape))",
          path: archive.path, tensor: view.name)
      }
      tensors.append(
        (leaf, try written.map { size throws(CheckpointError) in try view.reshaped(size) } ?? view))
    }
    // PEFT gives the core of a one-dimensional convolution a fourth extent.
    func core(_ rank: Int) -> (file: [Int], peft: [Int]) {
      let shape = [rank, rank] + kernel
      return (shape, kernel.count == 1 ? shape + [1] : shape)
    }
    guard isLoKr else {
      hasCore = module.leaves["hada_t1"] != nil || module.leaves["hada_t2"] != nil
      let first = try view("hada_w1_b")
      rank = first.sizes.first ?? 0
      for number in ["1", "2"] {
        if hasCore {
          let core = core(rank)
          try take("hada_t\(number)", core.file, as: core.peft)
          try take("hada_w\(number)_a", [rank, outputs])
          try take("hada_w\(number)_b", [rank, inputs])
        } else {
          try take("hada_w\(number)_a", [outputs, rank])
          try take("hada_w\(number)_b", [rank, inputs * places])
        }
      }
      (small, large) = (.init(rows: 1, columns: 1), .init(rows: outputs, columns: inputs))
      (isSmallLowRank, isLargeLowRank) = (false, true)
      self.tensors = tensors
      return
    }
    hasCore = module.leaves["lokr_t2"] != nil
    isSmallLowRank = module.leaves["lokr_w1"] == nil
    isLargeLowRank = module.leaves["lokr_w2"] == nil
    let rows = try view(isSmallLowRank ? "lokr_w1_a" : "lokr_w1").sizes.first ?? 0
    let columns = try view(isSmallLowRank ? "lokr_w1_b" : "lokr_w1").sizes.last ?? 0
    guard rows > 0, columns > 0, outputs % rows == 0, inputs % columns == 0 else {
      throw CheckpointError(
        .mismatch, "does not divide the weight \(weight) of \(base.name.printable)",
        path: archive.path, tensor: try view(isSmallLowRank ? "lokr_w1_a" : "lokr_w1").name)
    }
    small = .init(rows: rows, columns: columns)
    large = .init(rows: outputs / rows, columns: inputs / columns)
    let ranked = isLargeLowRank ? "lokr_w2_b" : isSmallLowRank ? "lokr_w1_b" : nil
    if let ranked {
      rank = try view(ranked).sizes.first ?? 0
    } else {
      rank = max(large.rows, large.columns)
    }
    if isSmallLowRank {
      try take("lokr_w1_a", [rows, rank])
      try take("lokr_w1_b", [rank, columns])
    } else {
      try take("lokr_w1", [rows, columns])
    }
    if !isLargeLowRank {
      guard kernel.count != 1 else { throw Self.oneDimensional(base.name, path: archive.path) }
      try take("lokr_w2", [large.rows, large.columns] + kernel)
    } else if hasCore {
      let core = core(rank)
      try take("lokr_t2", core.file, as: core.peft)
      try take("lokr_w2_a", [rank, large.rows])
      try take("lokr_w2_b", [rank, large.columns])
    } else {
      try take("lokr_w2_a", [large.rows, rank])
      try take("lokr_w2_b", [rank, large.columns * places])
    }
    self.tensors = tensors
  }

  /// The error for a full second factor of a one-dimensional convolution, of which PEFT and LyCORIS
  /// make different products.
  static func oneDimensional(_ module: String, path: String) -> CheckpointError {
    CheckpointError(
      .unsupported,
      "\(module.printable) is a one-dimensional convolution with a full second factor, of which PEFT "
        + "and LyCORIS make different products", path: path)
  }

  private static func isAdapted(_ kind: BaseModule.Kind) -> Bool {
    switch kind {
    case .linear, .convolution(1), .convolution(2): true
    default: false
    }
  }
}
