// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
internal import PEFT
public import Tensors

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
}

extension EffectivePrompt {
  /// Writes the prompt to a file of a format, which appears whole or not at all. Its only tensor is
  /// `prompt_embeddings`; npy files have no names.
  ///
  /// - Throws: `unsupported` for a dtype that the format does not have, such as BF16 in npy;
  ///   `alreadyExists` and `system` for the output.
  public func write(
    as format: some CheckpointFormat, to path: String, policy: OutputPolicy = OutputPolicy()
  ) throws(CheckpointError) {
    var file = try AtomicFile(path: path, policy: policy)
    try write(as: format, to: &file, at: path)
    try file.commit()
  }

  /// Appends the file's contents.
  func write(
    as format: some CheckpointFormat, to file: inout AtomicFile, at path: String
  ) throws(CheckpointError) {
    guard format.storedDType(for: dtype) == dtype else {
      throw CheckpointError(
        .unsupported, "\(format.name) files do not have the dtype \(dtype)", remedy: .chooseDType)
    }
    let tensor = try ComputedTensor(
      MultitaskPromptTensor.embeddings.name, dtype: dtype, shape: shape, bytes: bytes)
    let archive = ComputedArchive([tensor], format: format, path: path)
    try format.write(archive, order: nil, path: path, to: &file)
  }
}
