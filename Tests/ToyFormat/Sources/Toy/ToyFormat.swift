// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
public import Tensors

/// A format that exists to prove how a format is added: a header of text, and the data behind it.
///
/// A file begins with `ToyHeader.magic` and the size of the header as a 64-bit little-endian integer.
/// The header has a line for each tensor: dtype, dimensions and name. The data follows in that order.
public struct ToyFormat: CheckpointFormat {
  /// Describes the format.
  public init() {}

  public var name: String { "toy" }
  public var fileExtensions: [String] { [".toy"] }
  public var variants: [FormatVariant] { [FormatVariant("toy")] }
  public var modelStem: String? { nil }
  public var isExpectedInTrees: Bool { true }
  public var isDataOnly: Bool { true }
  public var keepsTensorOrder: Bool { true }
  public var holdsMetadata: Bool { false }

  public func storedDType(for dtype: DType) -> DType? { dtype }

  public func recognize(
    _ prefix: [UInt8], of file: InputFile
  ) throws(CheckpointError) -> FormatRecognition {
    prefix.starts(with: ToyHeader.magic) ? .certain : .no
  }

  public func open(_ file: InputFile) throws(CheckpointError) -> any TensorArchive {
    try ToyFile(file)
  }

  public func layout(
    of archive: any TensorArchive, order: StateDictOrder?, path: String
  ) throws(CheckpointError) -> FileLayout {
    let header = try ToyHeader(encoding: archive.tensors)
    return FileLayout(ranges: header.ranges, byteCount: header.fileByteCount)
  }

  public func write(
    _ archive: any TensorArchive, order: StateDictOrder?, path: String, to output: inout AtomicFile
  ) throws(CheckpointError) {
    let header = try ToyHeader(encoding: archive.tensors)
    try output.reserve(byteCount: header.fileByteCount)
    try output.write(header.bytes.span.rawBytes)
    for index in 0..<archive.tensorCount { try archive.copyTensor(at: index, to: &output) }
  }
}
