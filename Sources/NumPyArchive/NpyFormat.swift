// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
public import Tensors

/// NumPy's format of one array (spec/numpy.md).
public struct NpyFormat: NumPyFormat {
  /// Describes the format.
  public init() {}

  public var name: String { "npy" }
  public var fileExtensions: [String] { [".npy"] }
  public var variants: [FormatVariant] { [.npy] }

  public func recognize(
    _ prefix: [UInt8], of file: InputFile
  ) throws(CheckpointError) -> FormatRecognition {
    prefix.starts(with: NpyHeader.magic) ? .certain : .no
  }

  public func open(_ file: InputFile) throws(CheckpointError) -> any TensorArchive {
    try NumPyFile(array: file)
  }

  public func layout(
    of archive: any TensorArchive, order: StateDictOrder?, path: String
  ) throws(CheckpointError) -> FileLayout {
    let layout = try NpyLayout(NumPyWriter.onlyTensor(of: archive))
    return FileLayout(ranges: [layout.dataRange], byteCount: layout.byteCount)
  }

  public func write(
    _ archive: any TensorArchive, order: StateDictOrder?, path: String, to output: inout AtomicFile
  ) throws(CheckpointError) {
    try NumPyWriter.writeArray(archive, to: &output)
  }
}

extension CheckpointFormat where Self == NpyFormat {
  /// NumPy's format of one array.
  public static var npy: NpyFormat { NpyFormat() }
}

extension FormatVariant {
  /// One NumPy array.
  public static let npy = FormatVariant("npy")
}
