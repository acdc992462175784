// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Kernels
internal import LowRank
internal import Tensors

/// The tensors of a GGUF adapter, made of the modules of another one (spec/gguf-adapters.md, GA3 to GA10).
struct GGUFTensors {
  /// The α of the file.
  let alpha: CommonAlpha
  /// Whether the file has the factors of the source bit by bit.
  private(set) var isExact = true
  private let base: GGUFBase
  /// The dtype that factors are put together in, and the one that they are asked for in.
  private let dtype: DType
  private let requested: DType
  private var tensors: [ComposedTensor] = []
  private var experts: [ExpertStack] = []
  private var expertPlaces: [String: Int] = [:]

  /// - Throws: `unsupported` for a dtype that llama.cpp does not load.
  init(_ base: GGUFBase, alpha: CommonAlpha, dtype: DType?) throws(CheckpointError) {
    self.base = base
    self.alpha = alpha
    requested = dtype ?? .float32
    guard [.float32, .float16, .bfloat16, .q8_0].contains(requested) else {
      throw CheckpointError(
        .unsupported,
        "llama.cpp loads adapters of F32, F16, BF16 and Q8_0, not of \(requested)",
        remedy: .chooseDType)
    }
    self.dtype = requested == .q8_0 ? .float32 : requested
  }

  /// Refuses tensors that are not updates. Embeddings of the base model are in it anyway.
  ///
  /// - Throws: `unsupported`, by the name of the tensor.
  static func refuse(_ others: [LowRankAdapter.OtherTensor]) throws(CheckpointError) {
    for other in others {
      let what: String
      switch other.kind {
      case .wholeEmbedding: continue
      case .savedModule: what = "is a module that is saved whole"
      case .trainedTokens: what = "has trained tokens"
      case .bias: what = "is a trained bias"
      case .unknown: what = "is not a pair of factors"
      }
      throw unsupported(other.name, what)
    }
  }

  /// Adds a module.
  ///
  /// - Throws: `unsupported` for modules that llama.cpp has no adapters for, by name; `mismatch` for
  ///   one that does not fit the base model.
  mutating func add(_ module: LowRankModule) throws(CheckpointError) {
    let place = try place(of: module)
    let names = base.names.tensors(at: place)
    let factor = alpha.factor(of: module)
    guard Float(factor).isFinite else {
      throw Self.unsupported(module.name, "has the scale \(factor)")
    }
    isExact = isExact && factor == 1 && module.a.dtype == requested && module.b.dtype == requested
    switch module.kind {
    case .linear where place.expert != nil:
      let index = expertPlaces[names[0]] ?? experts.count
      if index == experts.count {
        experts.append(ExpertStack(names[0]))
        expertPlaces[names[0]] = index
      }
      experts[index].add(module, at: place.expert ?? 0)
    case .linear:
      try base.check(place, input: module.a.sizes[1], output: module.b.sizes[0])
      let order = try base.order(of: place, rows: module.b.sizes[0])
      try add(names[0], module.a, module.b, factor, order)
    case .embedding:
      try base.check(place, input: module.a.sizes[1], output: module.b.sizes[0])
      try add(names[0], module.a.transposed(), module.b, factor)
    case .experts(count: 1, _) where base.names.entries[place.index].isParameter:
      let (a, b) = (module.a, module.b)
      try base.check(place, input: a.sizes[2], output: b.sizes[1])
      try add(
        names[0], a.reshaped([a.sizes[1], a.sizes[2]]), b.reshaped([b.sizes[1], b.sizes[2]]), factor
      )
    case .experts(let count, let isTransposed):
      let output = module.b.sizes[1]
      try base.check(place, input: module.a.sizes[2], output: output, experts: count)
      guard !isTransposed, output % names.count == 0 else {
        throw Self.unsupported(module.name, "is of experts whose weights are transposed or odd")
      }
      let size = output / names.count
      for (part, name) in names.enumerated() {
        let rows = try module.b.subrange(axis: 1, part * size..<(part + 1) * size)
        try add(name, module.a, rows, factor)
      }
    case .convolution: throw Self.unsupported(module.name, "is a convolution")
    }
  }

  private mutating func add(
    _ name: String, _ a: FactorView, _ b: FactorView, _ factor: Double, _ order: RowOrder? = nil
  ) throws(CheckpointError) {
    let (aName, bName) = (name + ".lora_a", name + ".lora_b")
    tensors.append(ComposedTensor(aName, a, dtype: dtype))
    if let order {
      tensors.append(try order.tensor(bName, b, dtype: dtype, factor: factor))
    } else {
      tensors.append(ComposedTensor(bName, b, dtype: dtype, factor: factor))
    }
  }

  /// All tensors, those of separate experts last.
  ///
  /// - Throws: `missing` and `mismatch` for separate experts that do not fit the base model.
  func all() throws(CheckpointError) -> [ComposedTensor] {
    var all = tensors
    for stack in experts { all += try stack.tensors(base, alpha: alpha, dtype: dtype) }
    return all
  }

  /// The archive that is written: of quantized elements where their rows divide into blocks, else of F16
  /// for a quantized dtype.
  ///
  /// - Throws: `unsupported` for a cast that does not exist.
  func archive(of composed: ComposedArchive) throws(CheckpointError) -> any TensorArchive {
    guard requested.isQuantized else { return composed }
    let dtypes = composed.tensors.map { tensor -> DType in
      let width = tensor.shape.dimensions.last ?? 0
      return width.isMultiple(of: UInt(requested.block.elementCount)) ? requested : .float16
    }
    return try CastArchive(composed, to: dtypes, record: CastRecord())
  }

  /// The place of a module that llama.cpp has adapters for.
  private func place(of module: LowRankModule) throws(CheckpointError) -> GGUFNames.Place {
    let (name, type) = (module.name, base.names.modelType)
    guard module.magnitude == nil else { throw Self.unsupported(name, "has DoRA's magnitudes") }
    guard module.bias == nil else { throw Self.unsupported(name, "has a bias in B") }
    guard let place = base.names.place(of: name) else {
      throw CheckpointError(
        .unsupported, "\(name.printable) has no tensor in GGUF models of the type \(type)")
    }
    let entry = base.names.entries[place.index]
    guard !entry.isIgnored else {
      throw CheckpointError(
        .unsupported,
        "llama.cpp has no effect for an update of \(name.printable) in models of the type \(type)")
    }
    if base.tiesEmbeddings, entry.isEmbedding {
      throw CheckpointError(
        .unsupported,
        "\(name.printable) cannot be adapted in llama.cpp: the base model uses one weight for input and "
          + "output")
    }
    return place
  }

  private static func unsupported(_ name: String, _ what: String) -> CheckpointError {
    CheckpointError(
      .unsupported, "\(name.printable) \(what), which GGUF adapters cannot hold")
  }
}
