// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Tensors

/// The cache of models that huggingface_hub downloaded (spec/base-model.md, P3).
struct HubCache {
  /// The directory.
  let path: String

  /// The cache that the environment names: `HF_HUB_CACHE`, else `hub` in `HF_HOME`, else in
  /// `huggingface` in `XDG_CACHE_HOME`, else in `~/.cache/huggingface`.
  static var environment: HubCache {
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

  /// The base model that a config names: a directory, or a model in the cache at the config's
  /// revision.
  ///
  /// - Throws: `missing` when the config names none, or the cache does not have it; what opening it
  ///   throws.
  func baseModel(of config: AdapterConfig) throws(CheckpointError) -> BaseModel {
    guard let name = try config.value(BaseConfigFields.baseModel), !name.isEmpty else {
      throw CheckpointError(
        .missing, "the config names no base model", hint: "give the path of the base model")
    }
    if PathKind.existing(name) == .directory { return try BaseModel(path: name) }
    let revision = try config.value(BaseConfigFields.revision) ?? "main"
    return try BaseModel(path: snapshot(of: name, revision: revision))
  }

  /// The directory of a model's files.
  ///
  /// - Throws: `missing` when the cache does not have the revision.
  private func snapshot(of name: String, revision: String) throws(CheckpointError) -> String {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    let isName =
      (1...2).contains(parts.count)
      && parts.allSatisfy { part in
        !part.isEmpty && part != "." && part != ".."
          && part.utf8.allSatisfy { Self.isPlain($0) }
      }
    let isRevision =
      !revision.isEmpty && !revision.split(separator: "/").contains("..")
      && revision.utf8.allSatisfy { Self.isPlain($0) || $0 == UInt8(ascii: "/") }
    guard isName, isRevision else {
      throw CheckpointError(
        .missing,
        "the base model of the config, \(name.excerpt), is neither a directory nor a model of the Hub",
        hint: "give the path of the base model")
    }
    let directory = path + "/models--" + parts.joined(separator: "--")
    let reference = directory + "/refs/" + revision
    var commit = revision
    if let file = try InputFile(existing: reference), file.byteCount <= 256,
      let text = String(validating: try file.readAll(limit: 256), as: UTF8.self)
    {
      commit = String(text.prefix { $0.isHexDigit })
    }
    let snapshot = directory + "/snapshots/" + commit
    guard !commit.isEmpty, PathKind.existing(snapshot) == .directory else {
      throw CheckpointError(
        .missing, "has no base model \(name.excerpt) at revision \(revision.excerpt)", path: path,
        hint: "download the model, or give its path")
    }
    return snapshot
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
      UInt8(ascii: "."):
      true
    default: false
    }
  }
}
