// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
internal import Files
internal import PEFT
internal import Tensors

/// The heads and other modules of `modules_to_save` of a new adapter.
enum HeadTensors {
  /// Finds the tensors of the config's modules in an adapter, or in the checkpoint of the base
  /// model.
  ///
  /// - Throws: `missing` when the config has modules but the file has none of them,
  ///   `invalidArgument` for a file when the config has no modules.
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
        .missing, "PEFT cannot load this adapter without the modules that it saves: \(list)",
        remedy: .provideHeads)
    }
    let isDirectory = PathKind.existing(path) == .directory
    let archive = try Checkpoint.open(
      path: isDirectory ? AdapterDirectory(path: path).weightsPath : path)
    try archive.requireDataOnly()
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
