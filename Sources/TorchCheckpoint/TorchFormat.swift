// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
public import Tensors

/// The formats of `torch.save`.
public struct TorchFormat: CheckpointFormat {
  /// The layout of written files, named after a release of torch.
  public var layout: TorchLayout

  /// Describes the format.
  public init(layout: TorchLayout = .newest) {
    self.layout = layout
  }

  public var name: String { "torch" }
  public var fileExtensions: [String] { [".bin", ".pt", ".pth", ".ckpt"] }
  public var variants: [FormatVariant] { [.torchZip, .torchLegacy, .torchTar, .torchScript] }
  public var modelStem: String? { "pytorch_model" }
  public var isExpectedInTrees: Bool { true }
  /// False: a pickle can run any code.
  public var isDataOnly: Bool { false }
  public var keepsTensorOrder: Bool { true }
  public var holdsMetadata: Bool { false }

  public func with(_ setting: FormatSetting) -> Self? {
    guard case .layout(let name) = setting, let layout = TorchLayout(rawValue: name) else {
      return nil
    }
    return Self(layout: layout)
  }

  public func storedDType(for dtype: DType) -> DType? {
    TorchWriter.canWrite(dtype) ? dtype : nil
  }

  /// Certain for pickles and tar archives, possible for zip archives, which other formats use too.
  public func recognize(
    _ prefix: [UInt8], of file: InputFile
  ) throws(CheckpointError) -> FormatRecognition {
    switch TorchContents.Kind(prefix) {
    case .zip: .possible
    case .tar, .pickle: .certain
    case nil: .no
    }
  }

  public func open(_ file: InputFile) throws(CheckpointError) -> any TensorArchive {
    try TorchFile(file)
  }

  public func layout(
    of archive: any TensorArchive, order: StateDictOrder?, path: String
  ) throws(CheckpointError) -> FileLayout {
    let (ranges, byteCount) = try TorchWriter.layout(
      of: archive, order: order, path: path, layout: layout)
    return FileLayout(ranges: ranges, byteCount: byteCount)
  }

  public func write(
    _ archive: any TensorArchive, order: StateDictOrder?, path: String, to output: inout AtomicFile
  ) throws(CheckpointError) {
    try TorchWriter.write(archive, order: order, path: path, layout: layout, to: &output)
  }
}

extension TorchFile {
  /// The torch format.
  public var format: any CheckpointFormat { TorchFormat() }
}

extension CheckpointFormat where Self == TorchFormat {
  /// The formats of `torch.save`; the newest is written.
  public static var torch: TorchFormat { TorchFormat() }
}

extension FormatVariant {
  /// A torch checkpoint in a zip archive, written since torch 1.6.
  public static let torchZip = FormatVariant(
    "torch-zip", isLoadedByPEFT: true, canBeShard: true)
  /// A torch checkpoint of pickles and raw storages, written before torch 1.6.
  public static let torchLegacy = FormatVariant(
    "torch-legacy", isLoadedByPEFT: true, canBeShard: true)
  /// A torch checkpoint in a tar archive, written before torch 0.1.10.
  public static let torchTar = FormatVariant("torch-tar", canBeShard: true)
  /// A TorchScript archive, of which only the parameters are read.
  public static let torchScript = FormatVariant("torchscript")
}
