// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
public import PEFT
internal import SafeTensors
public import Tensors

/// A computed adapter in memory, not yet written.
public struct ComputedAdapter: Sendable {
  /// The config.
  public let config: AdapterConfig
  /// The tensors, with distinct names, in any order.
  public let tensors: [ComputedTensor]
  /// The files and directories from which it was computed; an output that contains one is refused.
  let origins: [String]

  init(config: AdapterConfig, tensors: [ComputedTensor], origins: [String]) {
    self.config = config
    self.tensors = tensors
    self.origins = origins
  }

  /// The tensor with a name.
  public subscript(_ name: TensorName) -> ComputedTensor? {
    tensors.first { $0.info.name == name }
  }

  /// Writes the adapter directory: `adapter_config.json` as PEFT writes it and
  /// `adapter_model.safetensors`. It appears whole or not at all.
  ///
  /// - Parameters:
  ///   - path: the directory. With a policy that replaces, it may be the source of the adapter, and
  ///     is then replaced as a whole, model card included.
  ///   - policy: whether an existing output is replaced, and whether the output is flushed to the
  ///     drive.
  /// - Throws: `invalidArgument` when it contains a source of the adapter; `alreadyExists` and
  ///   `system` for the output.
  public func write(
    to path: String, policy: OutputPolicy = OutputPolicy()
  ) throws(CheckpointError) {
    try Self.refuse(path, holding: origins)
    let output = try AtomicDirectory(path: path, policy: policy)
    try write(into: output)
    try output.commit()
  }

  /// Writes config and weights into a directory that the caller commits.
  func write(into output: borrowing AtomicDirectory, directory: String? = nil)
    throws(CheckpointError)
  {
    let prefix = directory.map { $0 + "/" } ?? ""
    var weights = try output.makeFile(
      RelativePath(prefix + AdapterDirectory.weightsNames[0]))
    try SafeTensorsWriter.write(
      tensors.map(\.info), metadata: ["format": "pt"], to: &weights
    ) { index, file throws(CheckpointError) in
      try tensors[index].write(to: &file)
    }
    try weights.commit()
    var file = try output.makeFile(RelativePath(prefix + AdapterConfig.fileName))
    try file.write(config.encoded().span.rawBytes)
    try file.commit()
  }

  /// Refuses a directory that contains a source, which would be lost: directories are replaced as a
  /// whole.
  static func refuse(_ path: String, holding origins: [String]) throws(CheckpointError) {
    for origin in origins where PathRelation.isInside(origin, path) {
      throw CheckpointError(
        .invalidArgument, "contains \(origin), from which the adapter is computed", path: path)
    }
  }
}
