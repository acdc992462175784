// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
public import Tensors

/// A standard stream of the process.
public enum StandardStream: Sendable {
  /// Standard output, for data.
  case output
  /// Standard error, for errors and progress.
  case error

  private var descriptor: FileDescriptor {
    self == .output ? .standardOutput : .standardError
  }

  /// Whether the stream is a terminal.
  public var isTerminal: Bool { SystemCalls.isTerminal(descriptor) }

  /// The characters in a line of the terminal, as the terminal or else `COLUMNS` gives them; nil where
  /// the stream is not a terminal, or neither gives any.
  public var terminalWidth: Int? { SystemCalls.terminalWidth(descriptor) }

  /// Occupies the descriptors of standard streams that the process was started without, so that no
  /// file opened later gets one of them and receives the stream's output. Writing to such a stream
  /// still fails.
  public static func occupyClosedDescriptors() {
    for descriptor in [FileDescriptor.standardInput, .standardOutput, .standardError]
    where !SystemCalls.isOpen(descriptor) {
      // `open` returns this descriptor, since those below it are open. It stays open until the
      // process ends.
      _ = try? FileDescriptor.open(FilePath("/dev/null"), .readOnly)
    }
  }

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
