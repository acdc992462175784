internal import Archives
public import Files
public import Tensors

/// What a conversion will read and write, before anything is written.
public struct ConversionPlan: Sendable {
  /// A file that is to be written.
  public struct File: Sendable {
    /// What it will hold.
    public enum Contents: Sendable {
      /// Tensors.
      case weights(WeightsFile)
      /// These bytes.
      case bytes([UInt8])
      /// What another file of the source holds.
      case copy(of: RelativePath)
    }

    /// Its path in the destination; the destination's own name where that is a file.
    public let name: RelativePath
    /// What it will hold.
    public let contents: Contents
  }

  /// What is read.
  public let source: String
  /// What is written.
  public let destination: String
  /// Whether the destination is a directory.
  public let isDirectory: Bool
  /// The directories inside the destination, each before what it holds.
  public internal(set) var directories: [RelativePath] = []
  /// The files, in the order of writing.
  public internal(set) var files: [File] = []
  /// What is left out and changed.
  public internal(set) var report = ConversionReport()
  /// What casts do to values, known once the files are written.
  public let casts = CastRecord()
  /// What was asked for.
  public let options: ConversionOptions
  /// Whether this process made the directory of the destination for its outputs.
  var isPlaceNew = false

  init(source: String, destination: String, isDirectory: Bool, options: ConversionOptions) {
    self.source = source
    self.destination = destination
    self.isDirectory = isDirectory
    self.options = options
  }
}

extension ConversionPlan {
  /// The bytes that a file will have; nil where that depends on how well tensors compress.
  ///
  /// - Throws: `malformed` or `unsupported` for tensors that the format cannot hold together,
  ///   `missing` when a file to copy has gone.
  /// - Complexity: O(tensors · log tensors).
  public func byteCount(of file: File) throws(CheckpointError) -> Int? {
    switch file.contents {
    case .weights(let weights): try weights.layout().byteCount
    case .bytes(let bytes): bytes.count
    case .copy(let name): try InputFile(name, in: source).byteCount
    }
  }

  /// About how many bytes will be written: those of the tensors.
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
