// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import LowRank
internal import PEFT
internal import Tensors

/// Puts the changes of parameters in memory where the files of the base model have them
/// (spec/merging.md, MG20, MG21 and MG28 to MG30).
struct MergedParameters {
  typealias Place = AdapterChanges.Place

  private let adapters: [AdapterChanges]
  private let weights: any TensorArchive
  private let base: BaseModel
  private var places: [Place: Int] = [:]
  private var changes: [(place: Place, changes: [ParameterChange])] = []
  private(set) var notes: [String] = []
  private(set) var configChanges: [(key: String, value: JSONValue)] = []

  /// The regions of the stored tensors that change, by their indices, in the order of the first change.
  private var order: [Int] = []
  private var regions: [Int: (width: Int, regions: [MergedRegion])] = [:]
  /// The tensors that the files lack.
  private var added: [MergedTensor] = []

  init(_ adapters: [AdapterChanges], weights: any TensorArchive, base: BaseModel) {
    self.adapters = adapters
    self.weights = weights
    self.base = base
  }

  /// The changed and added tensors.
  ///
  /// - Throws: `unsupported` for one whose dtype is not computed in.
  func tensors() throws(CheckpointError) -> [MergedTensor] {
    var tensors: [MergedTensor] = []
    for index in order {
      guard let (width, regions) = regions[index] else { continue }
      tensors.append(
        try MergedTensor(changing: weights, at: index, width: width, regions: regions))
    }
    return tensors + added
  }

  /// Places all changes.
  ///
  /// - Throws: `unsupported` for a parameter that the files do not have as described, and for adapters
  ///   that cannot be merged together.
  mutating func place(sumsFirst: Bool) throws(CheckpointError) {
    for adapter in adapters {
      for (place, change) in adapter.changes { try add(change, to: place) }
    }
    if sumsFirst { try sum() }
    let ties = try resolveTies()
    for (place, changes) in changes where !ties.contains(place) {
      try put(changes, into: place)
    }
  }

  private mutating func add(
    _ change: ParameterChange, to place: Place
  ) throws(CheckpointError) {
    guard let index = places[place] else {
      places[place] = changes.count
      changes.append((place, [change]))
      return
    }
    if let earlier = changes[index].changes.last(where: { $0.adapter != change.adapter }) {
      try refuseClash(earlier, change, at: place)
    }
    changes[index].changes.append(change)
  }

  /// Refuses two adapters of which PEFT would merge one only, or something else.
  private func refuseClash(
    _ earlier: ParameterChange, _ later: ParameterChange, at place: Place
  ) throws(CheckpointError) {
    let path = adapters[later.adapter].source.adapter.directory.path
    func clash(_ message: String) -> CheckpointError {
      CheckpointError(.unsupported, "\(place.path.printable) \(message)", path: path)
    }
    switch (earlier.kind, later.kind) {
    case (_, .replacement): throw clash("is replaced, but an earlier adapter changes it, too")
    case (.rows(let first, _), .rows(let second, _)):
      guard Set(first).isDisjoint(with: second) else {
        throw clash("has rows that two adapters train")
      }
    case (_, .rows): throw clash("has trained rows, but an earlier adapter changes it, too")
    case (_, .products(let products)) where products.contains { $0.magnitudes != nil }:
      throw clash(
        "has DoRA's magnitudes for the norms of the base model, which an earlier adapter has changed"
      )
    default: break
    }
  }

  /// Adds up the products of all adapters, to be rounded once.
  private mutating func sum() throws(CheckpointError) {
    for index in changes.indices where changes[index].changes.count > 1 {
      var sums: [LowRankProduct] = []
      for change in changes[index].changes {
        guard case .products(let products) = change.kind,
          products.allSatisfy({ $0.magnitudes == nil })
        else {
          throw CheckpointError(
            .unsupported,
            "\(changes[index].place.path.printable) is changed by several adapters, not all by a product of "
              + "two factors, so that their sum is not computed", path: base.path)
        }
        if sums.isEmpty {
          sums = products
        } else {
          for place in sums.indices { sums[place].terms += products[place].terms }
        }
      }
      let first = changes[index].changes[0]
      changes[index].changes = [
        ParameterChange(kind: .products(sums), rounding: .once, adapter: first.adapter)
      ]
    }
  }
}

extension MergedParameters {
  /// The module of a place.
  private func module(_ place: Place) -> (module: BaseModule, adapter: AdapterChanges)? {
    for adapter in adapters {
      if let module = adapter.tree[place.module.string] { return (module, adapter) }
    }
    return nil
  }

  private func refusal(_ place: Place, _ message: String) -> CheckpointError {
    CheckpointError(.unsupported, "\(place.path.printable) \(message)", path: base.path)
  }

  /// Changes a parameter where the files have it, or adds it.
  mutating func put(_ changes: [ParameterChange], into place: Place) throws(CheckpointError) {
    guard let (module, adapter) = module(place),
      let parameter = module.parameters.first(where: { $0.name == place.parameter.string })
    else { throw refusal(place, "is not a parameter of the base model") }
    guard !parameter.parts.isEmpty, let shape = parameter.shape else {
      try addNew(changes, place, module, adapter)
      return
    }
    let isStack = adapter.isStack(module, shape)
    guard let extents = ParameterShape(shape, isStack: isStack) else {
      throw refusal(place, "has the shape \(shape), which cannot be merged into")
    }
    for part in parameter.parts { try put(changes, into: part, of: extents, at: place) }
  }

  /// The most experts of a stack.
  private static let mostExperts = 100_000

  private mutating func put(
    _ changes: [ParameterChange], into part: StoredPart, of shape: ParameterShape, at place: Place
  ) throws(CheckpointError) {
    let info = weights.tensor(at: part.tensor)
    guard [.float64, .float32, .bfloat16, .float16].contains(info.dtype) else {
      throw CheckpointError(
        .unsupported, "is \(info.dtype), which an adapter cannot be merged into",
        path: weights.path,
        tensor: info.name)
    }
    let experts = part.expert.map { $0..<$0 + 1 } ?? 0..<shape.experts
    guard experts.count <= Self.mostExperts, info.elementCount > 0 else {
      throw CheckpointError(
        .unsupported, "has the shape \(info.shape), which cannot be merged into",
        path: weights.path, tensor: info.name)
    }
    let rows = part.rows ?? 0..<shape.rows
    let (height, width) = part.isTransposed ? (shape.width, rows.count) : (rows.count, shape.width)
    let start = part.storedRows?.lowerBound ?? 0
    let stored = FactorView.product([experts.count, height])
    let elements = UInt(exactly: (part.storedRows?.upperBound ?? stored) ?? -1)
      .map { $0.multipliedReportingOverflow(by: UInt(width)) }
    guard let stored, experts.upperBound <= shape.experts, rows.upperBound <= shape.rows,
      part.storedRows.map({ $0.count == stored }) ?? true, let elements, !elements.overflow,
      UInt(info.elementCount) >= elements.partialValue,
      part.storedRows != nil || UInt(info.elementCount) == elements.partialValue
    else {
      throw CheckpointError(
        .mismatch, "has the shape \(info.shape), which is not that of \(place.path.printable)",
        path: weights.path, tensor: info.name)
    }
    if regions[part.tensor] == nil {
      order.append(part.tensor)
      regions[part.tensor] = (width, [])
    }
    guard regions[part.tensor]?.width == width else {
      throw refusal(place, "is stored with another parameter of other columns")
    }
    for (number, expert) in experts.enumerated() {
      var merged: [MergedChange] = []
      for change in changes {
        do throws(CheckpointError) {
          merged.append(
            try change.part(
              expert: expert, rows: part.rows, isTransposed: part.isTransposed, of: shape))
        } catch {
          throw error.naming(tensor: info.name).inFile(weights.path)
        }
      }
      let first = start + number * height
      let region = MergedRegion(
        module: name(of: place), rows: first..<first + height, changes: merged)
      regions[part.tensor]?.regions.append(region)
    }
  }

  /// The name of a module in reports: that of a weight is the module's.
  private func name(of place: Place) -> String {
    place.parameter.string == "weight" ? place.module.string : place.path
  }

  /// Adds a parameter that the files lack: one of a head that the adapter has whole.
  private mutating func addNew(
    _ changes: [ParameterChange], _ place: Place, _ module: BaseModule, _ adapter: AdapterChanges
  ) throws(CheckpointError) {
    guard !module.isInFiles, case .replacement(let view)? = changes.last?.kind else {
      throw refusal(place, "is at no place that is known in the files of the base model")
    }
    guard let dtype = defaultDType else {
      throw refusal(place, "is new, and the base model has no floating-point tensor")
    }
    added.append(
      MergedTensor(
        name: TensorName(place.path), dtype: dtype, shape: view.sizes, source: nil,
        regions: [
          MergedRegion(
            module: name(of: place), rows: 0..<(view.sizes.first ?? 0),
            changes: [
              MergedChange(.replacement(view), adapter: changes.last?.adapter ?? 0)
            ])
        ]))
    noteHead(place, rows: view.sizes.first ?? 0, className: adapter.tree.className)
  }

  /// The dtype of the base model's first floating-point tensor.
  private var defaultDType: DType? {
    for index in 0..<weights.tensorCount {
      let dtype = weights.tensor(at: index).dtype
      if [.float64, .float32, .bfloat16, .float16].contains(dtype) { return dtype }
    }
    return nil
  }

  /// The most labels that are named in a config.
  private static let mostLabels = 100_000

  /// A model with a new head is of another class, which may have another number of labels.
  private mutating func noteHead(_ place: Place, rows: Int, className: String?) {
    guard let className else { return }
    if !configChanges.contains(where: { $0.key == "architectures" }) {
      configChanges.append(("architectures", .array([.string(className)])))
      notes.append("the merged model is a \(className), whose head \(place.module) the adapter has")
    }
    let labels = base.config["id2label"]?.object?.count ?? 2
    // A layer in front of the last one has no labels.
    guard place.parameter.string == "weight", place.module.string.components.last != "dense",
      rows != labels, rows > 0, rows <= Self.mostLabels
    else { return }
    var names = JSONObject()
    var numbers = JSONObject()
    for label in 0..<rows {
      names[String(label)] = .string("LABEL_\(label)")
      numbers["LABEL_\(label)"] = JSONValue(label)
    }
    configChanges += [("id2label", .object(names)), ("label2id", .object(numbers))]
  }
}

extension MergedParameters {
  /// The changes of one adapter to a place.
  private func changes(of adapter: Int, to place: Place) -> [ParameterChange] {
    places[place].map { changes[$0].changes.filter { $0.adapter == adapter } } ?? []
  }

  /// Places the changes of weights that the base model ties (spec/merging.md, MG28).
  ///
  /// - Returns: the places that are done.
  private mutating func resolveTies() throws(CheckpointError) -> Set<Place> {
    let trees = adapters.map(\.tree)
    guard let tree = trees.max(by: { $0.tied.count < $1.tied.count }), !tree.tied.isEmpty else {
      return []
    }
    var done: Set<Place> = []
    for source in Set(tree.tied.map(\.source)).sorted() {
      let members = tree.tied.filter { $0.source == source }.map(\.module)
        .filter { tree[$0] != nil && $0 != source }
      let places = ([source] + members).map { Place($0, "weight") }
      guard places.contains(where: { self.places[$0] != nil }) else { continue }
      done.formUnion(places)
      try place(members, tiedTo: source, in: tree)
    }
    return done
  }

  private mutating func place(
    _ members: [String], tiedTo source: String, in tree: ModuleTree
  ) throws(CheckpointError) {
    let origin = Place(source, "weight")
    let shared = places[origin].map { changes[$0].changes } ?? []
    // What each member has in the end, and whether that is what the source has.
    var own: [ParameterChange] = []
    for member in members {
      let place = Place(member, "weight")
      var effective: [ParameterChange] = []
      var isSame = true
      for (number, adapter) in adapters.enumerated() {
        let (here, there) = (changes(of: number, to: origin), changes(of: number, to: place))
        if adapter.loaded.placement.following.contains(member) {
          effective += here
        } else {
          effective += here.filter(\.isShared) + there
          if !there.isEmpty || !here.allSatisfy(\.isShared) { isSame = false }
        }
      }
      guard !isSame else { continue }
      guard member == tree.outputEmbedding else {
        throw refusal(
          places[place] != nil ? place : origin,
          "is tied to other weights of the base model, which the adapter changes otherwise or not at all: "
            + "the merged model could not have both")
      }
      own = effective
      try untie(member, from: origin, effective)
    }
    if !shared.isEmpty { try put(shared, into: origin) }
    // Files may have tied weights twice.
    for member in members where own.isEmpty || member != tree.outputEmbedding {
      guard !shared.isEmpty, let module = tree[member],
        module.parameters.contains(where: { $0.name == "weight" && !$0.parts.isEmpty })
      else { continue }
      try put(shared, into: Place(member, "weight"))
    }
  }

  /// Writes the output layer as a tensor of its own.
  private mutating func untie(
    _ member: String, from origin: Place, _ changes: [ParameterChange]
  ) throws(CheckpointError) {
    guard let (module, _) = module(origin),
      let parameter = module.parameters.first(where: { $0.name == "weight" }),
      let shape = parameter.shape, let extents = ParameterShape(shape, isStack: false),
      parameter.parts.count == 1,
      parameter.parts[0] == StoredPart(tensor: parameter.parts[0].tensor)
    else { throw refusal(origin, "is tied, and stored in several parts") }
    let index = parameter.parts[0].tensor
    var merged: [MergedChange] = []
    for change in changes {
      merged.append(try change.part(expert: 0, rows: nil, isTransposed: false, of: extents))
    }
    var tensor = try MergedTensor(
      changing: weights, at: index,
      regions: [MergedRegion(module: member, rows: 0..<extents.rows, changes: merged)])
    tensor.name = TensorName(member + ".weight")
    added.append(tensor)
    configChanges.append(("tie_word_embeddings", .bool(false)))
    notes.append(
      "the base model ties \(member) to \(origin.module), and the adapter changes them differently: the "
        + "merged model has both, and \"tie_word_embeddings\" is false")
  }
}
