// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import JSONDocument
internal import LowRank
internal import PEFT
internal import Tensors

/// Reads a LoRA file of diffusers (spec/kohya.md, KO16, KO17).
struct DiffusersReader {
  private let archive: any TensorArchive
  private let metadata: DiffusersMetadata?

  /// The tensors of a module by their roles.
  private typealias Module = (name: String, roles: [DiffusersName.Role: Int])

  /// Decodes the metadata of a file.
  init(_ archive: any TensorArchive) throws(CheckpointError) {
    self.archive = archive
    metadata = try DiffusersMetadata(archive.metadata, path: archive.path)
  }

  /// Reads the adapters of all models.
  ///
  /// - Throws: `unsupported` for tensors of other kinds, `missing` and `mismatch` for factors that do
  ///   not fit each other or the config.
  func adapter() throws(CheckpointError) -> LowRankAdapter {
    var groups: [(component: PipelineComponent?, tensors: [Int])] = []
    for index in 0..<archive.tensorCount {
      let component = component(of: archive.tensor(at: index).name.string)
      if let place = groups.firstIndex(where: { $0.component == component }) {
        groups[place].tensors.append(index)
      } else {
        groups.append((component, [index]))
      }
    }
    if groups.count > 1, let other = groups.first(where: { $0.component == nil })?.tensors.first {
      throw CheckpointError(
        .unsupported, "does not say which model of a pipeline it is for", path: archive.path,
        tensor: archive.tensor(at: other).name)
    }
    let order = PipelineComponent.all
    groups.sort { first, second in
      (first.component.flatMap(order.firstIndex(of:)) ?? 0)
        < (second.component.flatMap(order.firstIndex(of:)) ?? 0)
    }
    var parts: [LowRankAdapter] = []
    for group in groups { parts.append(try part(group.component, group.tensors)) }
    return parts.count == 1 ? parts[0] : LowRankAdapter(path: archive.path, parts: parts)
  }

  private func component(of name: String) -> PipelineComponent? {
    guard let dot = name.utf8.firstIndex(of: UInt8(ascii: ".")) else { return nil }
    return PipelineComponent(named: String(name[..<dot]))
  }

  /// The adapter of one model.
  private func part(
    _ component: PipelineComponent?, _ tensors: [Int]
  ) throws(CheckpointError) -> LowRankAdapter {
    let config = metadata?.config(of: component)
    if let config, let type = config.document["peft_type"]?.string, type != PEFTType.lora.rawValue {
      throw CheckpointError(
        .unsupported, "has a \(type.excerpt) adapter: only LoRA is read from files of diffusers",
        path: archive.path)
    }
    var modules: [Module] = []
    var places: [UTF8Text: Int] = [:]
    for index in tensors {
      let tensor = archive.tensor(at: index).name
      var name = tensor.string[...]
      if let component { name = name.dropFirst(component.name.count + 1) }
      guard let parsed = DiffusersName(name, in: component) else {
        throw CheckpointError(
          .unsupported, "is not of a LoRA pair", path: archive.path, tensor: tensor)
      }
      let key = UTF8Text(parsed.module)
      let place = places[key] ?? modules.count
      if place == modules.count {
        places[key] = place
        modules.append((parsed.module, [:]))
      }
      guard modules[place].roles.updateValue(index, forKey: parsed.role) == nil else {
        throw CheckpointError(
          .malformed, "is there in two spellings", path: archive.path, tensor: tensor)
      }
    }
    var scales = config.map { LoRAScales($0) }
    var updates: [LowRankModule] = []
    for module in modules { updates.append(try update(of: module, &scales)) }
    var adapter = LowRankAdapter(
      path: archive.path, modules: updates,
      baseModelName: config?.document["base_model_name_or_path"]?.string,
      config: config.map(Self.completed))
    adapter.component = component
    return adapter
  }

  /// A config as PEFT's, which names its method.
  private static func completed(_ config: AdapterConfig) -> AdapterConfig {
    var config = config
    config.document["peft_type"] = .string(PEFTType.lora.rawValue)
    return config
  }

  private func update(
    of module: Module, _ scales: inout LoRAScales?
  ) throws(CheckpointError) -> LowRankModule {
    func view(_ role: DiffusersName.Role, _ what: String) throws(CheckpointError) -> FactorView {
      guard let index = module.roles[role] else {
        throw CheckpointError(
          .missing, "module \(module.name.printable) has no \(what)", path: archive.path)
      }
      return try FactorView(archive, at: index)
    }
    let alpha = module.roles[.alpha]
    if let alpha, scales != nil {
      throw CheckpointError(
        .unsupported, "is an alpha beside a config in the metadata, which diffusers refuses",
        path: archive.path, tensor: archive.tensor(at: alpha).name)
    }
    let (a, b) = (try view(.a, "factor A"), try view(.b, "factor B"))
    var update = try PairReader(archive: archive, module: module.name).update(
      a: a, b: b, alpha: alpha, magnitude: module.roles[.magnitude], kind: nil)
    if let index = module.roles[.bias] {
      let bias = try FactorView(archive, at: index)
      guard bias.sizes == [b.sizes[0]] else {
        throw CheckpointError(
          .mismatch, "does not have \(b.sizes[0]) elements", path: archive.path, tensor: bias.name)
      }
      update.bias = bias
    }
    guard scales != nil else { return update }
    guard let scale = scales?.scale(of: module.name), scale.rank == update.scale.rank else {
      throw CheckpointError(
        .mismatch,
        "the config in the metadata does not give \(module.name.printable) the rank "
          + "\(update.scale.rank) of its factors", path: archive.path)
    }
    update.scale = scale
    return update
  }
}
