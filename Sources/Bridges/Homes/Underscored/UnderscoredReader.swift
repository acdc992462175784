// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import LowRank
internal import PEFT
internal import Tensors

/// Reads a file whose names have underscores for dots: kohya's and LyCORIS's (spec/kohya.md, KO4 to
/// KO9).
struct UnderscoredReader {
  let archive: any TensorArchive
  let base: BaseModel?
  /// The adapter that the file was made of, whose names it has.
  let origin: LowRankAdapter?

  /// Reads the modules of all models.
  ///
  /// - Parameter prefixes: what names start with, and the models that this may be; none of a file
  ///   that does not name the model.
  /// - Throws: `missing` without a base model; `unsupported` and `mismatch` for modules that it does
  ///   not have, and tensors that have no counterpart in PEFT.
  func adapter(
    _ prefixes: [(prefix: String, components: [PipelineComponent])]
  ) throws(CheckpointError) -> LowRankAdapter {
    let modules = try UnderscoredModule.all(in: archive, prefixes: prefixes.map(\.prefix))
    let used = prefixes.filter { entry in modules.contains { $0.prefix == entry.prefix } }
    var parts: [(component: PipelineComponent?, prefixes: Set<String>, names: UnderscoredNames)] =
      []
    for (prefix, components) in used {
      let (component, names) = try names(of: components, isAlone: used.count == 1)
      if let place = parts.firstIndex(where: { $0.component == component }) {
        parts[place].prefixes.insert(prefix)
      } else {
        parts.append((component, [prefix], names))
      }
    }
    var adapters: [LowRankAdapter] = []
    for part in parts {
      let own = modules.filter { part.prefixes.contains($0.prefix) }
      var adapter = try read(own, names: part.names)
      adapter.component = part.component
      adapters.append(adapter)
    }
    return adapters.count == 1
      ? adapters[0] : LowRankAdapter(path: archive.path, parts: adapters)
  }

  /// The model that a prefix is for, and the names of its modules.
  private func names(
    of candidates: [PipelineComponent], isAlone: Bool
  ) throws(CheckpointError) -> (PipelineComponent?, UnderscoredNames) {
    guard let origin, !origin.modules.isEmpty else {
      guard let base else {
        throw CheckpointError(
          .missing,
          "has underscores for the dots in the names of modules, which only the names of the base "
            + "model tell apart", path: archive.path,
          remedy: .provideBase)
      }
      let (component, model) = try self.model(candidates, of: base, isAlone: isAlone)
      let isTextEncoder = component?.isTextEncoder ?? false
      return (component, try UnderscoredNames(model, isTextEncoder: isTextEncoder))
    }
    let part = origin.parts.first { $0.component.map(candidates.contains) ?? false } ?? origin
    let component = part.component ?? candidates.first
    return (
      component,
      UnderscoredNames(
        part.modules.map { KnownModule($0) }, isTextEncoder: component?.isTextEncoder ?? false)
    )
  }

  /// The model that a prefix is for.
  private func model(
    _ candidates: [PipelineComponent], of base: BaseModel, isAlone: Bool
  ) throws(CheckpointError) -> (PipelineComponent?, BaseModel) {
    if base.components.isEmpty {
      guard isAlone else {
        throw CheckpointError(
          .missing, "has weights for several models, and the base model is one of them",
          path: archive.path, hint: "give the pipeline that has them")
      }
      let empty = LowRankAdapter(path: "", modules: [])
      let component = try? ComponentChoice(adapter: empty, base: base).component()
      return (component.flatMap { candidates.contains($0) ? $0 : nil } ?? candidates.first, base)
    }
    let found = base.components.filter { candidates.isEmpty || candidates.contains($0.component) }
    guard let first = found.first, found.count == 1 || !candidates.isEmpty else {
      let names = candidates.map(\.name).joined(separator: " or ")
      throw CheckpointError(
        .missing,
        candidates.isEmpty
          ? "does not say which model of a pipeline it is for"
          : "has weights for the model \(names), which the pipeline does not have",
        path: archive.path, hint: "give the model that it is for")
    }
    return (first.component, first.model)
  }

  private func read(
    _ modules: [UnderscoredModule], names: UnderscoredNames
  ) throws(CheckpointError) -> LowRankAdapter {
    var resolved: [(UnderscoredModule, KnownModule)] = []
    var texts: [String: String] = [:]
    for module in modules {
      let base = try resolve(module, names)
      if let other = texts.updateValue(module.text, forKey: base.name) {
        throw CheckpointError(
          .mismatch,
          "\(other.printable) and \(module.text.printable) are both the module "
            + base.name.printable, path: archive.path)
      }
      resolved.append((module, base))
    }
    let pairs = resolved.filter { $0.0.isPair }
    guard let first = resolved.first(where: { !$0.0.isPair }) else {
      var updates: [LowRankModule] = []
      for (module, base) in pairs { updates.append(try module.update(of: base, in: archive)) }
      return LowRankAdapter(path: archive.path, modules: updates)
    }
    guard pairs.isEmpty else {
      throw CheckpointError(
        .unsupported,
        "has LoRA pairs, such as of \(pairs[0].0.text.printable), and other factors, such as of "
          + "\(first.0.text.printable), which PEFT has no one config for", path: archive.path)
    }
    return try FactorReader(archive: archive).adapter(resolved)
  }

  private func resolve(
    _ module: UnderscoredModule, _ names: UnderscoredNames
  ) throws(CheckpointError) -> KnownModule {
    switch names.match(module.text) {
    case .module(let found): return found
    case .none:
      throw CheckpointError(
        .mismatch, "the base model has no module \(module.text.printable)", path: archive.path,
        hint: "is this the base model of the adapter, in the layout of diffusers or transformers?")
    case .several:
      throw CheckpointError(
        .unsupported,
        "\(module.text.printable) is the name of several modules of the base model with underscores "
          + "for dots", path: archive.path)
    }
  }
}
