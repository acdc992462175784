// SPDX-License-Identifier: Apache-2.0
internal import Archives
public import Files
internal import PEFT
public import Tensors
internal import TorchCheckpoint

/// The effective prompt of a task, `embedding * (cols[k] @ rows[k])`, [V, D].
public struct EffectivePrompt: Sendable {
  /// The task.
  public let task: Int
  /// The element type.
  public let dtype: DType
  /// [V, D].
  public let shape: Shape
  /// The elements, row-major and little-endian.
  public let bytes: [UInt8]
  /// The number of the rows that PEFT puts before the input when it generates: the first ones of a prompt
  /// with two submodules, all of any other.
  public let inputRowCount: Int
  /// Whether the input is that of an encoder.
  public let isForEncoder: Bool
}

extension EffectivePrompt {
  /// Writes the prompt in a form. The file or directory appears whole or not at all.
  ///
  /// - Throws: `unsupported` for a dtype that a format does not have, such as BF16 in npy;
  ///   `alreadyExists` and `system` for the output.
  public func write(
    as form: PromptForm, to path: String, policy: OutputPolicy = OutputPolicy()
  ) throws(CheckpointError) {
    if case .prefix = form {
      var output = try AtomicDirectory(path: path, policy: policy)
      try write(as: form, into: &output, at: .root)
      try output.commit()
    } else {
      var file = try AtomicFile(path: path, policy: policy)
      try write(as: form, to: &file, at: path)
      try file.commit()
    }
  }

  /// Writes the prompt into a directory, at a path without the extension.
  func write(
    as form: PromptForm, into output: inout AtomicDirectory, at path: RelativePath
  ) throws(CheckpointError) {
    var name = RelativePath(path.string + form.fileExtension)
    if case .prefix = form {
      if path != .root { try output.makeDirectory(path) }
      name = path.appending(prefixName)
    }
    var file = try output.makeFile(name)
    try write(as: form, to: &file, at: name.string)
    try file.commit()
  }

  /// The file that TGIS loads a prompt from.
  private var prefixName: String { isForEncoder ? "encoder.pt" : "decoder.pt" }

  private func write(
    as form: PromptForm, to file: inout AtomicFile, at path: String
  ) throws(CheckpointError) {
    switch form {
    case .checkpoint(let format):
      guard format.storedDType(for: dtype) == dtype else {
        throw CheckpointError(
          .unsupported, "\(format.name) files do not have the dtype \(dtype)", remedy: .chooseDType)
      }
      let tensor = try ComputedTensor(
        MultitaskPromptTensor.embeddings.name, dtype: dtype, shape: shape, bytes: bytes)
      let archive = ComputedArchive([tensor], format: format, path: path)
      try format.write(archive, order: nil, path: path, to: &file)
    case .tensor:
      let saved = try saved(rows: nil, path: path)
      try file.write(saved.span.rawBytes)
    case .promptEmbeds:
      let text = Base64.encode(try saved(rows: nil, path: nil))
      try file.write(text.span.rawBytes)
    case .prefix:
      let saved = try saved(rows: 0..<inputRowCount, path: path)
      try file.write(saved.span.rawBytes)
    }
  }

  /// The bytes that `torch.save` writes for rows of the prompt.
  private func saved(rows: Range<Int>?, path: String?) throws(CheckpointError) -> [UInt8] {
    var tensor = TensorView(dtype: dtype, shape: shape, bytes: bytes.span.rawBytes)
    if let rows { tensor = try tensor.rows(rows) }
    return try TorchWriter.bytes(ofBareTensor: tensor, path: path)
  }
}
