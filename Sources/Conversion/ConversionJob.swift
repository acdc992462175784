internal import Files
public import Tensors

/// A file or an adapter directory in, one out.
///
/// The destination appears whole or not at all, and may be the source.
public struct ConversionJob: Sendable {
  /// What is read: a checkpoint file, or an adapter directory.
  public let source: String
  /// What is written: a file for a file, a directory for a directory.
  public let destination: String
  /// How.
  public let options: ConversionOptions

  /// Describes a conversion.
  public init(source: String, destination: String, options: ConversionOptions) {
    self.source = source
    self.destination = destination
    self.options = options
  }

  /// Converts.
  ///
  /// A directory's weights are converted and its config is written as PEFT writes it; all other
  /// files are copied, symbolic links followed, since hub caches are made of them.
  ///
  /// - Returns: what was left out.
  /// - Throws: what opening the source throws; `invalidArgument` when source and destination lie in
  ///   one another; `unsupported` for something that can be neither converted nor copied;
  ///   `alreadyExists`, `system`, `interrupted` and the like for the destination.
  /// - Complexity: O(bytes), in constant memory beyond headers.
  public func run() throws(CheckpointError) -> ConversionReport {
    try PathKind(path: source) == .directory ? convertDirectory() : convertFile()
  }
}
