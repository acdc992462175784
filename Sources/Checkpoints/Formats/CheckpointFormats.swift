// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
internal import GGUF
internal import NumPyArchive
internal import SafeTensors
public import Tensors
internal import TorchCheckpoint

/// The formats that checkpoints are read from and written in.
public enum CheckpointFormats {
  /// All formats, in the order in which a loader that supports several looks for their files.
  public static let all: [any CheckpointFormat] = [
    SafeTensorsFormat(),
    TorchFormat(),
    NpzFormat(),
    NpyFormat(),
    GGUFFormat(),
  ]

  /// The format of outputs for which neither a name nor an option chooses one.
  public static var standard: any CheckpointFormat { all[0] }

  /// The format with this identifier, such as `torch`.
  public static func format(named name: String) -> (any CheckpointFormat)? {
    all.first { $0.name == name }
  }

  /// The format whose extension a file name or path ends with; nil when there is none.
  public static func format(ofFileName name: String) -> (any CheckpointFormat)? {
    all.first { $0.matches(fileName: name) }
  }

  /// The format of a file by its contents; nil when no format recognizes them. The name decides
  /// only between formats that are equally possible, as in a damaged zip archive.
  ///
  /// - Throws: `system` when the file cannot be read.
  public static func format(
    of file: InputFile
  ) throws(CheckpointError) -> (any CheckpointFormat)? {
    try format(of: file, prefix: prefix(of: file))
  }

  /// The bytes that files are recognized by.
  static func prefix(of file: InputFile) throws(CheckpointError) -> [UInt8] {
    try file.read(at: 0, count: min(FormatRecognition.prefixByteCount, file.byteCount))
  }

  /// The format of a file whose prefix is known.
  static func format(
    of file: InputFile, prefix: [UInt8]
  ) throws(CheckpointError) -> (any CheckpointFormat)? {
    var possible: [any CheckpointFormat] = []
    for format in all {
      switch try format.recognize(prefix, of: file) {
      case .certain: return format
      case .possible: possible.append(format)
      case .no: continue
      }
    }
    return possible.first { $0.matches(fileName: file.path) } ?? possible.first
  }
}
