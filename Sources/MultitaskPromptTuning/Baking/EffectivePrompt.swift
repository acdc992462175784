public import Files
internal import Kernels
internal import SafeTensors
public import Tensors

/// The prompt that a task of an adapter comes to, `embedding * (cols[k] @ rows[k])`: [V, D].
public struct EffectivePrompt: Sendable {
  /// The task.
  public let task: Int
  /// The element type.
  public let dtype: DType
  /// [V, D].
  public let shape: Shape
  /// The elements, row-major and little endian.
  public let bytes: [UInt8]
}

/// A file format for bare prompt embeddings.
public enum PromptFileFormat: String, Sendable, CaseIterable {
  /// NumPy's array file, read by `numpy.load`.
  case npy
  /// A safetensors file with the one tensor `prompt_embeddings`.
  case safetensors
}

extension EffectivePrompt {
  /// Writes the prompt to a file of its own, which appears whole or not at all.
  ///
  /// - Throws: `unsupported` for BF16 as npy, which NumPy does not have; `alreadyExists`, `system`
  ///   and the like for the output.
  public func write(
    as format: PromptFileFormat, to path: String, policy: OutputPolicy = OutputPolicy()
  ) throws(CheckpointError) {
    var file = try AtomicFile(path: path, policy: policy)
    try write(as: format, to: &file)
    try file.commit()
  }

  /// Appends the file's contents.
  func write(as format: PromptFileFormat, to file: inout AtomicFile) throws(CheckpointError) {
    switch format {
    case .npy:
      let header = try npyHeader()
      try file.write(header.span.rawBytes)
      try file.write(bytes.span.rawBytes)
    case .safetensors:
      let info = try TensorInfo(name: "prompt_embeddings", dtype: dtype, shape: shape)
      try SafeTensorsWriter.write(
        [info], metadata: ["format": "pt"], to: &file
      ) { _, file throws(CheckpointError) in
        try file.write(bytes.span.rawBytes)
      }
    }
  }

  /// The header of version 1.0, as NumPy writes it: a Python dict, padded to 64 bytes.
  private func npyHeader() throws(CheckpointError) -> [UInt8] {
    let description: String
    switch dtype {
    case .float64: description = "<f8"
    case .float32: description = "<f4"
    case .float16: description = "<f2"
    default:
      throw CheckpointError(.unsupported, "NumPy has no \(dtype); choose another --dtype")
    }
    let extents = shape.dimensions.map { String($0) }.joined(separator: ", ")
    let dictionary =
      "{'descr': '\(description)', 'fortran_order': False, 'shape': (\(extents)), }"
    let length = (10 + dictionary.utf8.count + 1 + 63) / 64 * 64 - 10
    let padding = String(repeating: " ", count: length - dictionary.utf8.count - 1)
    let preamble: [UInt8] =
      [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)]
    return preamble + Array((dictionary + padding + "\n").utf8)
  }
}
