internal import SystemPackage
public import Tensors

/// The streams that the process was started with.
public enum StandardStream: Sendable {
  /// Data goes here.
  case output
  /// Errors and progress go here.
  case error

  private var descriptor: FileDescriptor {
    self == .output ? .standardOutput : .standardError
  }

  /// Whether a person looks at it.
  public var isTerminal: Bool { SystemCalls.isTerminal(descriptor) }

  /// Writes bytes.
  ///
  /// - Throws: `system` when they cannot be written, for example into a closed pipe or a full disk.
  public func write(_ bytes: RawSpan) throws(CheckpointError) {
    let name: FilePath = self == .output ? "standard output" : "standard error"
    // SAFETY: the buffer is written before the closure returns.
    _ = try unsafe bytes.withUnsafeBytes { buffer throws(CheckpointError) in
      try calling("write", name) { unsafe try descriptor.writeAll(buffer) }
    }
  }
}
