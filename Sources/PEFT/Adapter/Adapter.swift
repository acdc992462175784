// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Checkpoints
package import Files
internal import JSONDocument
public import Tensors

/// An adapter directory, open: its config and its weights.
///
/// Any PEFT method opens. `findings` reports whether the two fit.
public struct Adapter: Sendable {
  /// Where the files are.
  public let directory: AdapterDirectory
  /// The config, with all its keys.
  public let config: AdapterConfig
  /// The weights.
  public let weights: any TensorArchive

  /// Combines parts that were opened.
  package init(directory: AdapterDirectory, config: AdapterConfig, weights: any TensorArchive) {
    self.directory = directory
    self.config = config
    self.weights = weights
  }

  /// Opens a directory, each of its files at most once; no tensor data is read.
  ///
  /// - Throws: `missing` when config or weights are missing, what decoding and opening them throws, and
  ///   `unsupported` for weights that ask Python to run code, as PEFT refuses them.
  /// - Complexity: O(config + header of the weights).
  public init(path: String) throws(CheckpointError) {
    guard let adapter = try Adapter(existing: path) else {
      throw AdapterDirectory.missingConfig(in: path)
    }
    try adapter.weights.requireDataOnly()
    self = adapter
  }

  /// Opens a directory if it has a config; weights that ask Python to run code are read without it.
  ///
  /// - Returns: nil when there is no `adapter_config.json`.
  /// - Throws: as `init(path:)`, but not for such weights.
  public init?(existing path: String) throws(CheckpointError) {
    try self.init(existing: path) { AdapterDirectory.has($0, in: path) }
  }

  /// Opens a directory that a walk has listed.
  ///
  /// - Parameter root: the root of the tree, whose path and the directory's are UTF-8.
  /// - Throws: as `init(path:)`.
  package init(
    listing: DirectoryListing, in root: String
  ) throws(CheckpointError) {
    let path = listing.path.string(in: root)
    let adapter = try Adapter(existing: path) { listing.file(named: $0, in: root) != nil }
    guard let adapter else { throw AdapterDirectory.missingConfig(in: path) }
    self = adapter
  }

  private init?(existing path: String, has: (String) -> Bool) throws(CheckpointError) {
    func file(_ name: String) throws(CheckpointError) -> InputFile? {
      try InputFile(existing: AdapterDirectory.path(of: name, in: path))
    }
    guard let configFile = try file(AdapterConfig.fileName) else { return nil }
    var names = AdapterDirectory.weightsNames[...]
    var weightsFile: InputFile?
    while weightsFile == nil, let name = names.first {
      weightsFile = try file(name)
      if weightsFile == nil { names.removeFirst() }
    }
    guard let weightsFile, let weightsName = names.popFirst() else {
      throw AdapterDirectory.missingWeights(in: path)
    }
    directory = AdapterDirectory(
      path: path, weightsName: weightsName,
      supersededNames: names.filter(has))
    config = try AdapterConfig(configFile)
    weights = try Checkpoint.open(weightsFile) { has(weightsName + $0) }
  }

  /// A summary in one line: the method, the task, and sizes that the method names.
  ///
  /// A config that cannot be read says so.
  public var summary: String {
    var parts: [String]
    var sizes: [String] = []
    do throws(CheckpointError) {
      let method = try config.method
      parts = [method.type.rawValue]
      sizes = method.summary(of: self)
    } catch {
      let foreign = ForeignConfig(config.document)
      parts = [foreign?.name ?? (error.code == .missing ? "no peft_type" : error.message)]
    }
    if let task = config.document["task_type"]?.string { parts.append(task) }
    return (parts + sizes).joined(separator: ", ")
  }
}
