// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Checkpoints
public import Files
public import Tensors

/// The files of an adapter directory (spec/adapter_config.md, C30 to C33).
public struct AdapterDirectory: Sendable {
  /// The path of the directory.
  public let path: String
  /// The name of the weights file that PEFT loads: safetensors before torch.
  public let weightsName: String
  /// The names of other weights files, which PEFT never reads.
  public let supersededNames: [String]

  /// The weights files, in the order in which PEFT looks for them.
  public static let weightsNames = CheckpointFormats.all.compactMap(\.adapterWeightsName)

  /// The variants that PEFT loads from a weights file of this name. The name alone decides the
  /// format.
  static func loadedVariants(ofWeights name: String) -> [FormatVariant] {
    let format = CheckpointFormats.all.first { $0.adapterWeightsName == name }
    return format?.variants.filter(\.isLoadedByPEFT) ?? []
  }

  private static let partNames = [AdapterConfig.fileName] + weightsNames

  /// The path of the config.
  public var configPath: String { Self.path(of: AdapterConfig.fileName, in: path) }
  /// The path of the weights.
  public var weightsPath: String { Self.path(of: weightsName, in: path) }

  /// Looks for the files.
  ///
  /// - Throws: `missing` when config or weights are not there, with a hint when there is an adapter
  ///   in a subdirectory, as PEFT saves all but the `default` one; `system` when it cannot be
  ///   known.
  public init(path: String) throws(CheckpointError) {
    guard let directory = AdapterDirectory(path, has: { Self.has($0, in: path) }) else {
      try Self.refuseUnknown(in: path)
      let hasConfig = Self.has(AdapterConfig.fileName, in: path)
      throw hasConfig ? Self.missingWeights(in: path) : Self.missingConfig(in: path)
    }
    self = directory
  }

  /// Creates a description of a directory whose files were found.
  package init(path: String, weightsName: String, supersededNames: [String]) {
    self.path = path
    self.weightsName = weightsName
    self.supersededNames = supersededNames
  }

  /// The adapters in a tree, by directory. Directories whose paths are not UTF-8 are ignored.
  ///
  /// - Complexity: O(files); no system calls.
  public static func all(in tree: DirectoryTree) -> [RelativePath: AdapterDirectory] {
    var adapters: [RelativePath: AdapterDirectory] = [:]
    for (directory, names) in tree.names(among: partNames) {
      guard directory.isText else { continue }
      adapters[directory] = AdapterDirectory(tree.path(of: directory), has: names.contains)
    }
    return adapters
  }

  private init?(_ path: String, has: (String) -> Bool) {
    guard has(AdapterConfig.fileName) else { return nil }
    let present = Self.weightsNames.filter(has)
    guard let first = present.first else { return nil }
    self.path = path
    weightsName = first
    supersededNames = Array(present.dropFirst())
  }

  /// Whether a directory has the config of an adapter.
  public static func hasConfig(_ directory: String) -> Bool {
    has(AdapterConfig.fileName, in: directory)
  }

  static func has(_ name: String, in directory: String) -> Bool {
    PathKind.existing(path(of: name, in: directory)) == .file
  }

  /// The path of a file in a directory, whose own path may end in a slash.
  static func path(of name: String, in directory: String) -> String {
    directory.hasSuffix("/") ? directory + name : directory + "/" + name
  }

  /// An error about a directory without a config.
  package static func missingConfig(in directory: String) -> CheckpointError {
    missing([AdapterConfig.fileName], in: directory)
  }

  /// An error about a directory with a config and without weights.
  static func missingWeights(in directory: String) -> CheckpointError {
    missing(weightsNames, in: directory)
  }

  private static func missing(_ names: [String], in directory: String) -> CheckpointError {
    if let error = unusableFile(in: directory) { return error }
    let advice = advice(for: directory)
    let error = CheckpointError(
      .missing, "is not an adapter directory: it has no \(names.joined(separator: " or "))",
      path: directory, hint: advice.hint, remedy: advice.remedy)
    return HubSnapshot.explaining(error, missing: names, in: directory)
  }

  /// Reports a permission error instead of treating a file as missing.
  private static func refuseUnknown(in directory: String) throws(CheckpointError) {
    guard try kind(of: directory) == .directory else { return }
    for name in partNames { _ = try kind(of: path(of: name, in: directory)) }
  }

  /// An error about a directory or a dangling link with the name of a config or of weights; nil
  /// when there is none.
  private static func unusableFile(in directory: String) -> CheckpointError? {
    guard PathKind.existing(directory) == .directory else { return nil }
    for name in partNames + ModelDirectory.weightsNames {
      let path = path(of: name, in: directory)
      do throws(CheckpointError) {
        switch try kind(of: path) {
        case .file, .other: continue
        case .directory:
          return CheckpointError(.invalidArgument, "is a directory, not a file", path: path)
        case nil:
          guard let target = PathKind.linkTarget(path) else { continue }
          return CheckpointError(
            .missing, "is a symbolic link to \(target.printable), which does not exist", path: path,
            hint: "in a download cache the file itself is missing; download it again")
        }
      } catch {
        return error
      }
    }
    return nil
  }

  private static func kind(of path: String) throws(CheckpointError) -> PathKind? {
    do throws(CheckpointError) {
      return try PathKind(path: path)
    } catch {
      guard error.code == .missing else { throw error }
      return nil
    }
  }
}

extension CheckpointFormat {
  /// The name of the weights file of an adapter; nil for formats that PEFT does not load.
  public var adapterWeightsName: String? {
    isLoadedByPEFT ? "adapter_model" + fileExtension : nil
  }
}
