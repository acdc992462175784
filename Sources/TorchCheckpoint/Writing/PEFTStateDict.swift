public import Archives
internal import Files
public import Tensors

/// The dict that PEFT saves for the tensors of an archive: their order and Python types.
///
/// PEFT saves what is in a module's state dict, as tensors. For Multitask Prompt Tuning it saves the
/// three Parameters themselves, in front of the modules trained beside them (heads). A safetensors
/// file keeps neither, since it sorts by dtype and name; here both are restored:
/// - the three come first and are Parameters: `prefix_task_cols`, `prefix_task_rows`,
///   `prompt_embeddings`;
/// - what stands beside them comes in module order (`ModuleOrder`).
///
/// Without the three, and from formats that keep an order, tensors stay in the archive's order.
public struct PEFTStateDict: Sendable {
  /// What is saved, in order.
  public let entries: [TorchEntry]
  /// For each entry the place of its tensor in the archive.
  public let sources: [Int]

  /// Arranges the tensors of an archive.
  public init(_ archive: any TensorArchive) {
    self.init(archive.tensors, isSorted: !archive.format.keepsTensorOrder)
  }

  /// Arranges tensors; `isSorted` tells that their order is a format's and means nothing.
  ///
  /// - Complexity: O(tensors · log tensors).
  public init(_ tensors: [TensorInfo], isSorted: Bool) {
    let prompt = Self.promptNames.compactMap { name in
      tensors.firstIndex { $0.name == name }
    }
    guard prompt.count == Self.promptNames.count else {
      sources = Array(tensors.indices)
      entries = tensors.map { TorchEntry($0) }
      return
    }
    let isPrompt = Set(prompt)
    if isSorted {
      let others = tensors.indices.filter { !isPrompt.contains($0) }
        .map { (place: ModuleOrder(tensors[$0].name), index: $0) }
        .sorted { $0.place < $1.place }
      sources = prompt + others.map(\.index)
    } else {
      sources = Array(tensors.indices)
    }
    entries = sources.map { index in
      TorchEntry(
        tensors[index],
        kind: isPrompt.contains(index) ? .parameter(requiresGradient: true) : .tensor)
    }
  }

  /// The names of `MultitaskPromptEmbedding`'s Parameters, in the order in which PEFT saves them.
  private static let promptNames: [TensorName] = [
    "prefix_task_cols", "prefix_task_rows", "prompt_embeddings",
  ]
}
