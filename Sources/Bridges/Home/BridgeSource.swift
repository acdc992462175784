// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Checkpoints
public import Files
public import LowRank
public import PEFT
public import Tensors

/// A path that may be an adapter of some home: a file, or a directory with files.
public struct BridgeSource: Sendable {
  /// The path.
  public let path: String
  /// The base model; nil if it is not given.
  public let base: BaseModel?
  /// The adapter that the source was made of, for files that do not spell the names of modules out;
  /// nil if it is unknown.
  public let origin: LowRankAdapter?
  /// The tensors of a file; nil for a directory.
  public let archive: (any TensorArchive)?

  /// Opens a path.
  ///
  /// - Throws: what opening a file throws; `missing` when nothing is there.
  public init(
    path: String, base: BaseModel? = nil, origin: LowRankAdapter? = nil
  ) throws(CheckpointError) {
    self.path = path
    self.base = base
    self.origin = origin
    archive = try InputFile(unlessDirectory: path).map { file throws(CheckpointError) in
      try Checkpoint.open(file)
    }
  }

  /// The directory of a PEFT adapter that the source is a file of; nil for other sources.
  var adapterAround: String? {
    guard !isDirectory else { return nil }
    let directory = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) } ?? "."
    return AdapterDirectory.hasConfig(directory) ? directory : nil
  }

  /// Whether the path is a directory.
  public var isDirectory: Bool { archive == nil }

  /// A file of the directory; nil when it is not there, and for a source that is a file.
  ///
  /// - Throws: `system` when it cannot be opened.
  public func file(_ name: String) throws(CheckpointError) -> InputFile? {
    guard isDirectory else { return nil }
    return try InputFile(existing: path.hasSuffix("/") ? path + name : path + "/" + name)
  }

  /// The tensors of a file of the directory; nil when it is not there.
  ///
  /// - Throws: what opening it throws.
  public func archive(_ name: String) throws(CheckpointError) -> (any TensorArchive)? {
    guard let file = try file(name) else { return nil }
    return try Checkpoint.open(file)
  }
}
