// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
public import Tensors

/// The safetensors format (spec/safetensors.md).
public struct SafeTensorsFormat: CheckpointFormat {
  /// The number of bytes to reserve in the header of a written file, for later changes of its
  /// metadata.
  public var reservedByteCount: Int

  /// Creates the format with options for writing.
  public init(reservedByteCount: Int = 0) {
    self.reservedByteCount = reservedByteCount
  }

  public var name: String { "safetensors" }
  public var fileExtensions: [String] { [".safetensors"] }
  public var variants: [FormatVariant] { [.safetensors] }
  public var modelStem: String? { "model" }
  public var isExpectedInTrees: Bool { true }
  public var isDataOnly: Bool { true }
  /// False: writers sort tensors by dtype and name.
  public var keepsTensorOrder: Bool { false }
  public var holdsMetadata: Bool { true }

  public func with(_ setting: FormatSetting) -> Self? {
    guard case .reservedByteCount(let count) = setting else { return nil }
    return Self(reservedByteCount: count)
  }

  public func storedDType(for dtype: DType) -> DType? { dtype.isQuantized ? nil : dtype }

  /// Recognizes a header length that fits the format and the file, followed by a header that starts
  /// with `{`.
  public func recognize(
    _ prefix: [UInt8], of file: InputFile
  ) throws(CheckpointError) -> FormatRecognition {
    guard prefix.count > HeaderLength.byteCount else { return .no }
    var reader = ByteReader(prefix.span.rawBytes)
    let length = try reader.readLittleEndian(UInt64.self)
    guard length >= 2, length <= UInt64(HeaderLength.largest),
      length <= UInt64(file.byteCount - HeaderLength.byteCount)
    else { return .no }
    let start = prefix[HeaderLength.byteCount...].first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
    return start == nil || start == UInt8(ascii: "{") ? .certain : .no
  }

  public func open(_ file: InputFile) throws(CheckpointError) -> any TensorArchive {
    try SafeTensorsFile(file)
  }

  public func layout(
    of archive: any TensorArchive, order: StateDictOrder?, path: String
  ) throws(CheckpointError) -> FileLayout {
    let tensors = archive.tensors
    let layout = try SafeTensorsLayout(
      tensors: tensors, metadata: archive.metadata, reservedByteCount: reservedByteCount)
    return FileLayout(
      ranges: tensors.indices.map { layout.dataRange(of: $0) }, byteCount: layout.byteCount)
  }

  public func write(
    _ archive: any TensorArchive, order: StateDictOrder?, path: String, to output: inout AtomicFile
  ) throws(CheckpointError) {
    try SafeTensorsWriter.write(
      archive, metadata: archive.metadata, reservedByteCount: reservedByteCount, to: &output)
  }
}

extension CheckpointFormat where Self == SafeTensorsFormat {
  /// The safetensors format.
  public static var safetensors: SafeTensorsFormat { SafeTensorsFormat() }
}

extension FormatVariant {
  /// A safetensors file.
  public static let safetensors = FormatVariant(
    "safetensors", isLoadedByPEFT: true, canBeShard: true)
}
