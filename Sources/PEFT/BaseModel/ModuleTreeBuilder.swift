// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// Collects the tensors of a base model into the modules of a class.
struct ModuleTreeBuilder {
  private let modelClass: ModelClass?
  /// The base model that the class contains.
  private let base: ModelClass?
  private let renamings: [NameConversion]
  private let converters: [NameConversion]
  private var modules: [(name: String, parameters: [BaseModule.Parameter])] = []
  private var places: [UTF8Text: Int] = [:]
  /// The tensors that converters combine, by the name that they get.
  private var combined: [UTF8Text: Combination] = [:]
  private var combinedNames: [String] = []
  private var budget = 1_000_000_000

  private struct Combination {
    let converter: Int
    let change: NameConversion.Change
    /// The tensors of each source.
    var sources: [Int: [StoredParts.Source]] = [:]
  }

  /// The longest name, in bytes, and the deepest path that are taken for those of a module.
  private static let longestName = 1_000
  private static let deepestPath = 64

  init(_ modelClass: ModelClass?, conversions: [NameConversion]) {
    self.modelClass = modelClass
    renamings = conversions.filter { !$0.isConverter }
    converters = conversions.filter(\.isConverter)
    base = modelClass.flatMap { modelClass in
      guard modelClass.hasBase else { return nil }
      return ModelClasses.type(modelClass.modelType)?.className(for: "MODEL")
        .flatMap(ModelClasses.named)
    }
  }

  /// Adds a tensor of the files.
  ///
  /// - Parameter index: its index in them.
  /// - Returns: false when the names take more steps to convert than are allowed.
  mutating func add(_ info: TensorInfo, at index: Int) -> Bool {
    let name = info.name.string
    guard name.utf8.count <= Self.longestName else { return true }
    guard !renamings.isEmpty || !converters.isEmpty else {
      insert(name, info.shape, [StoredPart(tensor: index)])
      return true
    }
    var scalars = Array(name.unicodeScalars)
    for renaming in renamings {
      if let change = renaming.change(scalars, budget: &budget) { scalars = change.name }
    }
    for (number, converter) in converters.enumerated() {
      guard let change = converter.change(scalars, budget: &budget) else { continue }
      let key = Self.text(change.name)
      let place = UTF8Text(key)
      if combined[place] == nil {
        combined[place] = Combination(converter: number, change: change)
        combinedNames.append(key)
      }
      combined[place]?.sources[change.source, default: []].append(
        StoredParts.Source(name: name, index: index, shape: info.shape))
      return budget >= 0
    }
    insert(Self.text(scalars), info.shape, [StoredPart(tensor: index)])
    return budget >= 0
  }

  private static func text(_ scalars: [Unicode.Scalar]) -> String {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars)
    return String(text)
  }

  /// Takes a tensor by its name in the model, with or without the prefix of the base model.
  private mutating func insert(_ name: String, _ shape: Shape, _ parts: [StoredPart]) {
    guard let name = placed(name) else { return }
    var components = name.components
    guard components.count > 1, components.count <= Self.deepestPath else { return }
    // Quantized weights and parametrizations have names of their own below the parameter.
    var isWhole = true
    if let weight = components.firstIndex(of: "weight"), weight > 0, weight < components.count - 1,
      !["weight", "bias"].contains(components[weight + 1])
    {
      components[weight...] = [components[weight...].joined(separator: ".")[...]]
      isWhole = false
    } else if let index = components.firstIndex(of: "parametrizations"), index > 0 {
      components[index...] = ["weight"]
      isWhole = false
    }
    let module = components.dropLast().joined(separator: ".")
    let place = places[UTF8Text(module)] ?? modules.count
    if place == modules.count {
      places[UTF8Text(module)] = place
      modules.append((module, []))
    }
    modules[place].parameters.append(
      BaseModule.Parameter(
        name: String(components[components.count - 1]), shape: shape,
        parts: isWhole ? parts : []))
  }

  /// The name that the class has for a tensor; nil for a tensor that it has no place for.
  private func placed(_ name: String) -> String? {
    guard let modelClass, !modelClass.children.isEmpty, !modelClass.basePrefix.isEmpty else {
      return name
    }
    let first = name.prefix { $0 != "." }
    if modelClass.children.contains(first) { return name }
    if modelClass.hasBase {
      guard let base else { return nil }
      if base.children.contains(first) { return modelClass.basePrefix + "." + name }
      // Some heads name the base model otherwise than its class does.
      let inner = name.dropFirst(first.count + 1)
      guard first == base.basePrefix, base.children.contains(inner.prefix { $0 != "." }) else {
        return nil
      }
      return modelClass.basePrefix + "." + inner
    }
    guard first == modelClass.basePrefix else { return nil }
    let inner = name.dropFirst(first.count + 1)
    return modelClass.children.contains(inner.prefix { $0 != "." }) ? String(inner) : nil
  }
}

extension ModuleTreeBuilder {
  /// The tree of all tensors that were added.
  mutating func tree(
    type: ModelType?, ties: Bool, conversions: [NameConversion]?
  ) -> ModuleTree {
    for name in combinedNames {
      if let combination = combined[UTF8Text(name)] { insert(combination) }
    }
    var tree = ModuleTree(
      modules.compactMap { module($0.name, $0.parameters) }, modelClass: modelClass,
      modelType: type, ties: ties,
      conversions: conversions)
    guard let modelClass else { return tree }
    let sources = Dictionary(tree.tied.map { ($0.module, $0.source) }) { first, _ in first }
    for own in modelClass.ownModules {
      let weight = sources[own.name].flatMap { tree[$0]?.shape(of: "weight") }
      // The files leave out a tied weight, and keep a bias beside it.
      if let module = tree[own.name] {
        guard weight != nil, module.shape(of: "weight") == nil, !module.isPacked else { continue }
        tree.complete(own.name, kind: own.kind, weight: weight)
        continue
      }
      tree.append(
        BaseModule(
          name: own.name, kind: own.kind,
          parameters: own.parameters.map {
            BaseModule.Parameter(name: $0, shape: $0 == "weight" ? weight : nil)
          }, isInFiles: false))
    }
    for (name, source) in tree.tied where !tree.contains(name) {
      guard let original = tree[source] else { continue }
      tree.append(
        BaseModule(
          name: name, kind: name == modelClass.outputEmbedding ? .linear : original.kind,
          parameters: original.parameters.map {
            BaseModule.Parameter(name: $0.name, shape: $0.shape)
          }, isInFiles: false))
    }
    tree.addContainers()
    return tree
  }

  private mutating func insert(_ combination: Combination) {
    let converter = converters[combination.converter]
    let sources = combination.sources.sorted { $0.key < $1.key }.map(\.value)
    var shapes = sources.map { ($0.first?.shape.dimensions ?? [], $0.count) }
    var chunks = 1
    for operation in converter.operations {
      switch operation {
      case .stack(let dimension):
        shapes = shapes.map { shape, count in
          var shape = shape
          shape.insert(UInt(count), at: min(dimension, shape.count))
          return (shape, 1)
        }
      case .concatenate(let dimension):
        guard var (shape, _) = shapes.first, dimension < shape.count else { continue }
        shape[dimension] = shapes.reduce(0) { sum, next in
          guard dimension < next.0.count else { return sum }
          return sum.addingReportingOverflow(next.0[dimension]).partialValue
        }
        shapes = [(shape, 1)]
      case .transpose:
        shapes = shapes.map { shape, count in
          var shape = shape
          if shape.count >= 2 { shape.swapAt(shape.count - 1, shape.count - 2) }
          return (shape, count)
        }
      case .chunk(let dimension):
        chunks = max(1, converter.targets.count)
        shapes = shapes.map { shape, count in
          var shape = shape
          if dimension < shape.count { shape[dimension] /= UInt(chunks) }
          return (shape, count)
        }
      }
    }
    guard let shape = shapes.first?.0 else { return }
    // A source that the files lack leaves the others at unknown places.
    let isWhole = sources.count == converter.sourceCount
    let parts =
      isWhole
      ? StoredParts(
        sources: sources, operations: converter.operations, targetCount: converter.targets.count
      ).parts : []
    for target in 0..<chunks {
      let name =
        target == 0
        ? combination.change.name : converter.name(of: combination.change, target: target)
      insert(Self.text(name), Shape(shape), target < parts.count ? parts[target] : [])
    }
  }

  /// Describes a module; nil for one that the class lacks.
  private func module(
    _ name: String, _ parameters: [BaseModule.Parameter]
  ) -> BaseModule? {
    if let modelClass, !modelClass.lacking.isEmpty {
      let pattern = name.components
        .map { $0.allSatisfy(\.isNumber) && !$0.isEmpty ? "#" : $0 }.joined(separator: ".")
      guard !modelClass.lacking.contains(pattern[...]) else { return nil }
    }
    let names = Set(parameters.map(\.name))
    let isPacked =
      !names.isDisjoint(with: Self.packedNames)
      || names.contains {
        $0.hasPrefix("weight.")
      }
    var module = BaseModule(
      name: name, kind: .other,
      parameters: parameters.compactMap { parameter in
        let name = parameter.name
        guard !isPacked || name == "bias" else { return nil }
        // Stacked experts in blocks with scales are one parameter.
        if name.hasSuffix(Self.scales),
          names.contains(name.dropLast(Self.scales.count) + Self.blocks)
        {
          return nil
        }
        if name.hasSuffix(Self.blocks) {
          return BaseModule.Parameter(name: String(name.dropLast(Self.blocks.count)), shape: nil)
        }
        return parameter
      }, isInFiles: true)
    module.isPacked = isPacked
    if isPacked {
      module.parameters.insert(BaseModule.Parameter(name: "weight", shape: nil), at: 0)
    }
    module.kind =
      modelClass?.kinds.first { Self.ends(name, with: $0.ending) }?.kind ?? Self.kind(module)
    return module
  }

  private static let blocks = "_blocks"
  private static let scales = "_scales"

  /// The names of quantized weights.
  private static let packedNames: Set<String> = [
    "qweight", "qzeros", "weight_packed", "W_q", "codebooks", "weight_shape",
  ]

  private static func ends(_ name: String, with ending: String) -> Bool {
    // Numbers are `#` in the table, and such endings have other components too.
    let parts = name.components
    let wanted = ending.split(separator: ".")
    guard parts.count >= wanted.count else { return false }
    return zip(parts.suffix(wanted.count), wanted).allSatisfy { part, other in
      part == other || other == "#" && !part.isEmpty && part.allSatisfy(\.isNumber)
    }
  }

  /// The kind that the shapes of a module tell.
  private static func kind(_ module: BaseModule) -> BaseModule.Kind {
    if module.isPacked { return .linear }
    if module.shape(of: "in_proj_weight") != nil { return .attention }
    guard let weight = module.shape(of: "weight") else { return .other }
    switch weight.rank {
    case 1: return .normalization
    case 2:
      let last = module.name.split(separator: ".").last ?? ""
      return ModelClasses.embeddingNames.contains(last) ? .embedding : .linear
    case 3, 4, 5: return .convolution(weight.rank - 2)
    default: return .other
    }
  }
}
