// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
public import Tensors

/// The format of llama.cpp and other programs that use ggml (spec/gguf.md).
public struct GGUFFormat: CheckpointFormat {
  /// Keys and values that written files have besides the metadata of the archive. One that the
  /// metadata has too takes its place there.
  public var values: [(key: String, value: GGUFValue)]

  /// Describes the format.
  public init(values: [(key: String, value: GGUFValue)] = []) {
    self.values = values
  }

  public var name: String { "gguf" }
  public var fileExtensions: [String] { [".gguf"] }
  public var variants: [FormatVariant] { [.gguf] }
  public var modelStem: String? { nil }
  public var isExpectedInTrees: Bool { true }
  public var isDataOnly: Bool { true }
  public var keepsTensorOrder: Bool { true }
  public var holdsMetadata: Bool { true }

  public func storedDType(for dtype: DType) -> DType? { dtype.ggufNumber == nil ? nil : dtype }

  public func recognize(
    _ prefix: [UInt8], of file: InputFile
  ) throws(CheckpointError) -> FormatRecognition {
    prefix.starts(with: GGUFHeader.magic) ? .certain : .no
  }

  public func open(_ file: InputFile) throws(CheckpointError) -> any TensorArchive {
    try GGUFArchive(file)
  }

  public func layout(
    of archive: any TensorArchive, order: StateDictOrder?, path: String
  ) throws(CheckpointError) -> FileLayout {
    let tensors = archive.tensors
    let layout = try GGUFLayout(tensors: tensors, metadata: archive.metadata, values: values)
    return FileLayout(ranges: layout.ranges, byteCount: layout.byteCount)
  }

  public func write(
    _ archive: any TensorArchive, order: StateDictOrder?, path: String, to output: inout AtomicFile
  ) throws(CheckpointError) {
    try GGUFWriter.write(archive, values: values, to: &output)
  }
}

extension CheckpointFormat where Self == GGUFFormat {
  /// The GGUF format.
  public static var gguf: GGUFFormat { GGUFFormat() }
}

extension FormatVariant {
  /// A GGUF file.
  public static let gguf = FormatVariant("gguf")
}
