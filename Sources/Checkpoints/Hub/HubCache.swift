// SPDX-License-Identifier: Apache-2.0
internal import Files
public import Tensors

/// The cache of models that huggingface_hub has downloaded (spec/hub-cache.md). Nothing is ever
/// downloaded.
public struct HubCache: Sendable {
  /// The directory.
  public let path: String

  /// Describes the cache in a directory.
  public init(path: String) {
    self.path = path
  }

  /// The cache that the environment names: `HF_HUB_CACHE`, else `hub` in `HF_HOME`, else in
  /// `huggingface` in `XDG_CACHE_HOME`, else in `~/.cache/huggingface`.
  ///
  /// - Throws: `missing` when there are no such variables.
  public static var environment: HubCache {
    get throws(CheckpointError) {
      func value(_ name: String) -> String? {
        EnvironmentVariable.value(name).flatMap { $0.isEmpty ? nil : $0 }
      }
      let home = value("HOME")
      func expanded(_ path: String) -> String {
        guard path == "~" || path.hasPrefix("~/"), let home else { return path }
        return home + path.dropFirst()
      }
      if let path = value("HF_HUB_CACHE") ?? value("HUGGINGFACE_HUB_CACHE") {
        return HubCache(path: expanded(path))
      }
      if let path = value("HF_HOME") { return HubCache(path: expanded(path) + "/hub") }
      if let path = value("XDG_CACHE_HOME") {
        return HubCache(path: expanded(path) + "/huggingface/hub")
      }
      guard let home else {
        throw CheckpointError(
          .missing, "the environment names no cache of the Hugging Face Hub",
          hint: "set HF_HUB_CACHE or HF_HOME")
      }
      return HubCache(path: home + "/.cache/huggingface/hub")
    }
  }

  /// The directory of a model's files.
  ///
  /// - Throws: `missing` when the cache does not have the model, or not this revision of it.
  public func snapshot(of name: HubName) throws(CheckpointError) -> String {
    guard let repository = repository(of: name) else {
      throw CheckpointError(
        .missing, "is not in the cache of the Hub, \(path)", path: name.description,
        remedy: name.download)
    }
    return try repository.snapshot(at: name.revision)
  }

  /// The folder of a model; nil if the cache has none.
  func repository(of name: HubName) -> HubRepository? {
    HubRepository(path: path + "/" + name.folderName)
  }

  /// The path of the checkpoint that a text names (Z1 to Z4): the text itself for a path that exists, the
  /// snapshot for a model in the cache, by its name or by its folder.
  ///
  /// - Parameters:
  ///   - text: a path, or the name of a model.
  ///   - isTree: whether all models below a folder are meant, so that the folder of one stays as it is.
  /// - Returns: the text itself for what is neither; opening it says what is wrong.
  /// - Throws: `missing` for a model that the cache does not have, or not with this revision.
  /// - Complexity: no system calls unless the text could be a name, or the folder of a model.
  public static func path(
    of text: String, isTree: Bool = false
  ) throws(CheckpointError) -> String {
    guard let name = HubName(text) else {
      guard !isTree, let place = HubPlace(path: text) else { return text }
      return try place.repository.snapshot(at: place.revision)
    }
    // A broken link, and a name in a directory that exists, are paths.
    guard PathKind.existing(text) == nil, !PathKind.isSymbolicLink(text),
      let cache = try? environment
    else { return text }
    if cache.repository(of: name) == nil {
      let parent = text.split(separator: "/").dropLast().joined(separator: "/")
      if !name.hasOwner || PathKind.existing(parent) == .directory { return text }
      throw CheckpointError(
        .missing,
        "is neither a path that exists nor a model in the cache of the Hub, \(cache.path)",
        path: text, remedy: name.download)
    }
    return try cache.snapshot(of: name)
  }
}
