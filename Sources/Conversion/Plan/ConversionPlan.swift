// SPDX-License-Identifier: Apache-2.0
internal import Archives
public import Files
public import Kernels
public import Tensors

/// The inputs and outputs of a conversion, before anything is written.
public struct ConversionPlan: Sendable {
  /// A file to write.
  public struct File: Sendable {
    /// The contents of a file.
    public enum Contents: Sendable {
      /// Tensors of the source.
      case weights(WeightsFile)
      /// The given bytes.
      case bytes([UInt8])
      /// The contents of a file of the source.
      case copy(of: RelativePath)
    }

    /// The path of the file in the destination; the destination itself if that is a file.
    public let name: RelativePath
    /// The contents of the file.
    public let contents: Contents
  }

  /// The path that is read.
  public let source: String
  /// The path that is written.
  public let destination: String
  /// Whether the destination is a directory.
  public let isDirectory: Bool
  /// The subdirectories of the destination, each before its own subdirectories.
  public internal(set) var directories: [RelativePath] = []
  /// The files, in the order of writing.
  public internal(set) var files: [File] = []
  /// What the conversion leaves out and changes.
  public internal(set) var report = ConversionReport()
  /// The effects of casts, known after the files are written.
  public let casts = CastRecord()
  /// The options.
  public let options: ConversionOptions
  /// Whether this process created the parent directory of the destination.
  var isPlaceNew = false

  init(source: String, destination: String, isDirectory: Bool, options: ConversionOptions) {
    self.source = source
    self.destination = destination
    self.isDirectory = isDirectory
    self.options = options
  }
}

extension ConversionPlan {
  /// The size of a file in bytes; nil if it depends on compression.
  ///
  /// - Throws: `malformed` or `unsupported` for tensors that the format cannot hold together,
  ///   `missing` when a file to copy was removed.
  /// - Complexity: O(tensors · log tensors).
  public func byteCount(of file: File) throws(CheckpointError) -> Int? {
    switch file.contents {
    case .weights(let weights): try weights.layout().byteCount
    case .bytes(let bytes): bytes.count
    case .copy(let name): try InputFile(name, in: source).byteCount
    }
  }

  /// The approximate number of bytes to write: those of the tensors.
  public var tensorByteCount: Int {
    var sum = 0
    for case .weights(let weights) in files.map(\.contents) {
      for index in 0..<weights.tensorCount {
        sum = sum.addingReportingOverflow(weights.archive.tensor(at: index).byteCount).partialValue
      }
    }
    return sum
  }
}
