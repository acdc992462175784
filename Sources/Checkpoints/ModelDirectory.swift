// SPDX-License-Identifier: Apache-2.0
internal import Archives
public import Files
internal import JSONDocument
internal import SafeTensors
public import Tensors

/// The files of a model's weights in its directory (spec/shards.md, H26 to H31).
public struct ModelDirectory: Sendable {
  /// The directory.
  public let path: String
  /// The file that transformers loads: a weights file, or the index of shards.
  public let weightsName: String
  /// Whether `config.json` names the weights, so that it must change when they are renamed.
  public let isNamedByConfig: Bool
  /// All files of these weights: the file, and the index that names it as its one shard; or the
  /// index and its shards in the order of their bytes.
  public let weightFileNames: [String]
  /// Other weights and indexes, which transformers ignores, in the order of their bytes.
  public let supersededNames: [String]
  /// The index next to a single weights file that names this file as its one shard. transformers
  /// does not read it; others, such as MLX, do.
  public let singleFileIndex: ShardIndex?

  /// The weights, in the order in which transformers looks for them.
  public static let weightsNames = ShardNaming.models.flatMap { [$0.wholeName, $0.indexName] }

  private static let configName = "config.json"
  /// The key under which a config names the weights.
  private static let configKey = "transformers_weights"

  /// The path of the weights, for `Checkpoint.open`.
  public var weightsPath: String { Self.path(of: weightsName, in: path) }

  /// Finds the weights; the shards themselves are not examined.
  ///
  /// - Throws: `missing` when there are none; what reading `config.json` and the index throws;
  ///   `unsupported` when the config names weights in an unsupported way.
  /// - Complexity: O(entries of the directory + index + config).
  public init(path: String) throws(CheckpointError) {
    let named = try Self.nameInConfig(of: path)
    let candidates = named.map { [$0] } ?? Self.weightsNames
    guard let name = candidates.first(where: { Self.isFile($0, in: path) }) else {
      throw Self.missing(candidates, namedByConfig: named != nil, in: path)
    }
    self.path = path
    weightsName = name
    isNamedByConfig = named != nil
    var files = [name]
    if name.hasSuffix(ShardIndex.nameSuffix) {
      files += try ShardIndex(path: Self.path(of: name, in: path)).fileNames
    }
    let present = try DirectoryTree.files(in: path)
    let indexName = name + ShardIndex.nameSuffix
    if files.count == 1, present.contains(indexName),
      let index = try? ShardIndex(path: Self.path(of: indexName, in: path)),
      index.fileNames == [name]
    {
      singleFileIndex = index
      files.append(indexName)
    } else {
      singleFileIndex = nil
    }
    weightFileNames = files
    let own = Set(files.map { UTF8Text($0) })
    supersededNames = present.filter {
      Self.isWeights($0) && !own.contains(UTF8Text($0))
    }
  }

  /// The config for a copy whose weights have the usual name: unchanged, or without the key that
  /// names them. Nil when the directory has none.
  ///
  /// - Throws: what reading and decoding the file throws.
  public func config() throws(CheckpointError) -> (name: String, bytes: [UInt8])? {
    guard Self.isFile(Self.configName, in: path) else { return nil }
    let bytes = try InputFile(path: Self.path(of: Self.configName, in: path)).readAll(
      limit: JSONLimits.byteCount)
    guard isNamedByConfig else { return (Self.configName, bytes) }
    guard var config = try JSONValue(parsing: bytes).object else { return nil }
    config.removeValue(forKey: Self.configKey)
    let text = JSONValue.object(config).encoded(.python()) + [UInt8(ascii: "\n")]
    return (Self.configName, text)
  }

  /// Whether transformers gives a name to a model's weights, a shard or an index.
  public static func isWeights(_ name: String) -> Bool {
    ShardNaming.models.contains { $0.covers(name) }
  }

  /// Whether a directory contains weights under a name that models use, or a config that names
  /// them.
  public static func isModel(_ path: String) -> Bool {
    weightsNames.contains { isFile($0, in: path) } || (try? nameInConfig(of: path)) ?? nil != nil
  }

  /// Whether a directory in a tree is a model: it contains an index, or a config and weights
  /// (spec/bulk.md, B2).
  ///
  /// - Parameter hasFile: whether a file of this name is in the directory.
  public static func isModel(hasFile: (String) -> Bool) -> Bool {
    if indexNames.contains(where: hasFile) { return true }
    return hasFile(configName) && wholeNames.contains(where: hasFile)
  }

  /// Whether the config in a directory names weights that are there, which then make it a model.
  ///
  /// - Complexity: O(config).
  package static func hasNamedWeights(_ path: String) -> Bool {
    guard let name = (try? nameInConfig(of: path)) ?? nil else { return false }
    return isFile(name, in: path)
  }

  /// The directories of the models in a tree. Only paths in UTF-8 can be opened.
  ///
  /// - Complexity: O(files); a config is read where no file has the usual name of weights.
  public static func all(in tree: DirectoryTree) -> Set<RelativePath> {
    let parts = tree.names(among: partNames)
    let models = parts.filter { directory, names in
      guard directory.isText else { return false }
      return isModel(hasFile: names.contains)
        || names.contains(configName) && hasNamedWeights(directory.string(in: tree.root))
    }
    return Set(models.keys)
  }

  private static let wholeNames = ShardNaming.models.map(\.wholeName)
  private static let indexNames = ShardNaming.models.map(\.indexName)
  private static let partNames = [configName] + wholeNames + indexNames

  /// The error that a directory has none of the files that could be its weights.
  static func missing(
    _ candidates: [String], namedByConfig: Bool, in directory: String
  ) -> CheckpointError {
    let last = candidates.count - 1
    let list = candidates[..<last].joined(separator: ", ") + (last > 0 ? " or " : "")
    let error = CheckpointError(
      .missing, "is not a model directory: it has no \(list)\(candidates[last])", path: directory,
      hint: namedByConfig ? "its \(configName) names them in \"\(configKey)\"" : nil)
    return HubSnapshot.explaining(error, missing: candidates, in: directory)
  }

  static func isFile(_ name: String, in directory: String) -> Bool {
    PathKind.existing(path(of: name, in: directory)) == .file
  }

  /// The path of a name in a directory, whose path may end in a slash.
  static func path(of name: String, in directory: String) -> String {
    directory.hasSuffix("/") ? directory + name : directory + "/" + name
  }

  /// The name of the weights in `config.json`; nil when it gives none.
  ///
  /// - Throws: what reading and decoding the file throws; `unsupported` for a name that is not
  ///   supported.
  static func nameInConfig(of directory: String) throws(CheckpointError) -> String? {
    let configPath = path(of: configName, in: directory)
    do throws(CheckpointError) {
      guard let file = try InputFile(existing: configPath) else { return nil }
      let bytes = try file.readAll(limit: JSONLimits.byteCount)
      let value = try JSONValue(parsing: bytes)[configKey] ?? .null
      if value.isNull { return nil }
      let whole = SafeTensorsFormat().fileExtension
      guard let name = value.string, name.isPlainFileName,
        name.hasSuffix(whole) || name.hasSuffix(whole + ShardIndex.nameSuffix)
      else {
        throw CheckpointError(
          .unsupported,
          "names the weights in \"\(configKey)\" as \(value.description.excerpt), which is neither "
            + "a safetensors file in the directory nor an index of such files")
      }
      return name
    } catch {
      throw error.inFile(configPath)
    }
  }
}
