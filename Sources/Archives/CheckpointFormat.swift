// SPDX-License-Identifier: Apache-2.0
public import Files
public import Tensors

/// A checkpoint file format: how its files are named, recognized, opened and written.
///
/// Each format module has one conforming type; `CheckpointFormats.all` lists a value of each. A value
/// also holds the settings that its files are written with.
public protocol CheckpointFormat: Sendable {
  /// The identifier, as the command line and JSON spell it, such as `torch`.
  var name: String { get }
  /// The extensions of file names, in lower case with the dot. Files are written with the first.
  var fileExtensions: [String] { get }
  /// The kinds of contents that files of the format have; most formats have one.
  var variants: [FormatVariant] { get }
  /// The stem that transformers gives the weights of a model, such as `pytorch_model`; nil when
  /// transformers does not load the format.
  var modelStem: String? { get }
  /// Whether files with these extensions are taken for checkpoints when a directory tree is converted
  /// or scanned. False for formats whose files are usually other data.
  var isExpectedInTrees: Bool { get }
  /// Whether a file that its reader accepts cannot contain code, so that a scan only checks that no
  /// other reader takes the file for another format. Otherwise a scan follows every pickle in it.
  var isDataOnly: Bool { get }
  /// Whether the order of the tensors in a file is the one in which they were saved.
  var keepsTensorOrder: Bool { get }
  /// Whether files can contain text metadata about themselves.
  var holdsMetadata: Bool { get }

  /// The format with a setting, for writing; nil when it does not have this setting.
  func with(_ setting: FormatSetting) -> Self?

  /// The dtype under which a file contains the bits of another: the same where the format has it, nil
  /// when the format cannot hold it.
  func storedDType(for dtype: DType) -> DType?

  /// How surely the contents of a file are of this format.
  ///
  /// - Parameters:
  ///   - prefix: the first `FormatRecognition.prefixByteCount` bytes, fewer when the file is shorter.
  ///   - file: the whole file, for formats that the prefix does not tell apart.
  /// - Throws: `system` when the file cannot be read. Damage is not an error: the result is then what
  ///   the intact part shows.
  func recognize(
    _ prefix: [UInt8], of file: InputFile
  ) throws(CheckpointError) -> FormatRecognition

  /// Opens a file; no tensor data is read.
  ///
  /// - Throws: `truncated`, `malformed`, `unsupported` or `unrecognized` when the contents are not a
  ///   valid file of this format; `system` when reading fails.
  func open(_ file: InputFile) throws(CheckpointError) -> any TensorArchive

  /// The places of an archive's tensors in the file that `write` makes of it.
  ///
  /// - Parameters: as those of `write`.
  /// - Throws: as `write`, for tensors that the format cannot hold.
  func layout(
    of archive: any TensorArchive, order: StateDictOrder?, path: String
  ) throws(CheckpointError) -> FileLayout

  /// Writes the tensors of an archive, and its metadata where the format holds any.
  ///
  /// - Parameters:
  ///   - archive: the tensors, opened from any format.
  ///   - order: the order of the tensors, for formats that keep one; nil for that of the archive.
  ///   - path: the path of the output; some formats name a part of the file after it.
  ///   - output: the output, still empty. The caller commits it.
  /// - Throws: `malformed` or `unsupported`, naming the tensor, for what the format cannot hold;
  ///   `truncated` or `system` when reading or writing fails.
  func write(
    _ archive: any TensorArchive, order: StateDictOrder?, path: String, to output: inout AtomicFile
  ) throws(CheckpointError)
}

/// A setting of how the files of a format are written. Each format has few of them or none, with a
/// default for each.
public enum FormatSetting: Sendable, Hashable {
  /// Reserves bytes in the header, for later changes of the metadata.
  case reservedByteCount(Int)
  /// Compresses the data.
  case compressed
  /// Lays the file out as a release of the format's own library does, such as `2.1` of torch.
  case layout(String)
}

extension CheckpointFormat {
  /// Nil: most formats are written in one way.
  public func with(_ setting: FormatSetting) -> Self? { nil }

  /// The extension that files are written with.
  public var fileExtension: String { fileExtensions[0] }

  /// Whether a file name, or a path, ends with one of the extensions, in either case of letters.
  public func matches(fileName: String) -> Bool {
    guard let dot = fileName.lastIndex(of: ".") else { return false }
    return fileExtensions.contains(fileName[dot...].lowercased())
  }

  /// Whether PEFT loads the weights of an adapter from files of the format.
  public var isLoadedByPEFT: Bool { variants.contains(where: \.isLoadedByPEFT) }
}

/// A kind of contents that files of a format have, such as the zip archives of torch.
public struct FormatVariant: Sendable, Hashable {
  /// The identifier, as `inspect --json` spells it, such as `torch-zip`.
  public let name: String
  /// Whether PEFT loads the weights of an adapter from such files.
  public let isLoadedByPEFT: Bool
  /// Whether such files may be the shards of a model.
  public let canBeShard: Bool

  /// Describes a variant.
  public init(_ name: String, isLoadedByPEFT: Bool = false, canBeShard: Bool = false) {
    self.name = name
    self.isLoadedByPEFT = isLoadedByPEFT
    self.canBeShard = canBeShard
  }
}

/// How surely the contents of a file are of a format.
public enum FormatRecognition: Sendable {
  /// They are not.
  case no
  /// They are in a container that several formats use: the format opens the file unless another one
  /// recognizes it for certain.
  case possible
  /// They are, at least up to where the file is damaged.
  case certain

  /// The number of bytes at the start of a file that formats are recognized by.
  public static let prefixByteCount = 512
}

/// The places of tensors in a file that is to be written.
public struct FileLayout: Sendable {
  /// The bytes of each tensor in the file, in the order of the archive; nil when compression decides.
  public let ranges: [Range<Int>]?
  /// The size of the file in bytes; nil when compression decides.
  public let byteCount: Int?

  /// Describes a layout.
  public init(ranges: [Range<Int>]?, byteCount: Int?) {
    self.ranges = ranges
    self.byteCount = byteCount
  }
}
