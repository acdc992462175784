// SPDX-License-Identifier: Apache-2.0
public import Files
internal import NumPyArchive
internal import SafeTensors
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

/// A file format for prompt embeddings without a config.
public enum PromptFileFormat: String, Sendable, CaseIterable {
  /// NumPy's array file, read by `numpy.load`.
  case npy
  /// A safetensors file with one tensor, `prompt_embeddings`.
  case safetensors
}

extension EffectivePrompt {
  /// Writes the prompt to a file, which appears whole or not at all.
  ///
  /// - Throws: `unsupported` for BF16 as npy, which NumPy does not have; `alreadyExists` and
  ///   `system` for the output.
  public func write(
    as format: PromptFileFormat, to path: String, policy: OutputPolicy = OutputPolicy()
  ) throws(CheckpointError) {
    var file = try AtomicFile(path: path, policy: policy)
    try write(as: format, to: &file)
    try file.commit()
  }

  /// Appends the file's contents.
  func write(as format: PromptFileFormat, to file: inout AtomicFile) throws(CheckpointError) {
    let info = try TensorInfo(name: "prompt_embeddings", dtype: dtype, shape: shape)
    switch format {
    case .npy:
      guard NumPyWriter.dtype(for: dtype) == dtype else {
        throw CheckpointError(.unsupported, "NumPy has no \(dtype)", remedy: .chooseDType)
      }
      try NumPyWriter.writeArray(info, to: &file) { file throws(CheckpointError) in
        try file.write(bytes.span.rawBytes)
      }
    case .safetensors:
      try SafeTensorsWriter.write(
        [info], metadata: ["format": "pt"], to: &file
      ) { _, file throws(CheckpointError) in
        try file.write(bytes.span.rawBytes)
      }
    }
  }
}
