internal import Files
public import Tensors

/// Where an adapter's files stand in its directory.
public struct AdapterDirectory: Sendable {
  /// The directory.
  public let path: String
  /// The weights that PEFT loads: safetensors before torch.
  public let weightsName: String
  /// Weights that stand beside those and that PEFT never looks at.
  public let supersededNames: [String]

  /// The weights files, in the order in which PEFT looks for them.
  public static let weightsNames = ["adapter_model.safetensors", "adapter_model.bin"]

  /// The path of the config.
  public var configPath: String { path + "/" + AdapterConfig.fileName }
  /// The path of the weights.
  public var weightsPath: String { path + "/" + weightsName }

  /// Looks for the files.
  ///
  /// - Throws: `missing` when config or weights are not there, with a hint when an adapter stands in
  ///   a subdirectory, as PEFT saves all but the `default` one.
  public init(path: String) throws(CheckpointError) {
    self.path = path
    let directory = path
    guard PathKind.existing(directory + "/" + AdapterConfig.fileName) == .file else {
      throw Self.missing(AdapterConfig.fileName, in: directory)
    }
    let present = Self.weightsNames.filter { PathKind.existing(directory + "/" + $0) == .file }
    guard let first = present.first else {
      throw Self.missing(Self.weightsNames.joined(separator: " or "), in: directory)
    }
    weightsName = first
    supersededNames = Array(present.dropFirst())
  }

  private static func missing(_ name: String, in directory: String) -> CheckpointError {
    let others = (try? DirectoryTree.subdirectories(of: directory)) ?? []
    let adapters = others.filter {
      PathKind.existing("\(directory)/\($0)/\(AdapterConfig.fileName)") == .file
    }
    return CheckpointError(
      .missing, "is not an adapter directory: it has no \(name)", path: directory,
      hint: adapters.first.map { "an adapter stands in \(directory)/\($0)" })
  }
}
