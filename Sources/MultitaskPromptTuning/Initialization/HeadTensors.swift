internal import Archives
internal import Checkpoints
internal import Files
internal import PEFT
internal import Tensors

/// The heads and other modules of `modules_to_save` that a fresh adapter takes along.
enum HeadTensors {
  /// Finds the tensors of a config's modules in an adapter, or in the base model's checkpoint.
  ///
  /// - Throws: `missing` when the config has modules and the file none of them, `invalidArgument` for
  ///   a file where the config has no modules.
  static func tensors(
    for config: MultitaskPromptTuningConfig, from path: String?
  ) throws(CheckpointError) -> [ComputedTensor] {
    let prefix = AdapterConfig.baseModelPrefix
    let modules = try config.adapterConfig.savedModules
    let saved = SavedModules(modules)
    let list = modules.joined(separator: ", ")
    guard !modules.isEmpty else {
      guard path == nil else { throw .invalidArgument("the config has no modules to save") }
      return []
    }
    guard let path else {
      throw CheckpointError(
        .missing, "PEFT loads no such adapter without the modules that it saves: \(list)",
        hint: "name a checkpoint that holds them, such as the base model's, with --heads")
    }
    let isDirectory = PathKind.existing(path) == .directory
    let archive = try Checkpoint.open(
      path: isDirectory ? AdapterDirectory(path: path).weightsPath : path)
    let tensors = archive.tensors.enumerated().compactMap { index, info -> ComputedTensor? in
      guard saved.contains(info.name) else { return nil }
      let name = info.name.string
      return ComputedTensor(
        carrying: index, of: archive,
        as: TensorName(name.hasPrefix(prefix) ? name : prefix + name))
    }
    let heads = try config.adapterConfig.headModules
    let needed = heads.isEmpty ? saved : SavedModules(heads)
    guard tensors.contains(where: { needed.contains($0.info.name) }) else {
      throw CheckpointError(.missing, "has no tensor of the modules \(list)", path: path)
    }
    return tensors
  }
}
