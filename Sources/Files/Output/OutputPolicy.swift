// SPDX-License-Identifier: Apache-2.0
public import Concurrency

/// The rules for putting an output at its path.
public struct OutputPolicy: Sendable {
  /// Whether an existing output may be replaced.
  public var replacesExisting: Bool
  /// Whether the data is flushed to the drive before the output is renamed to its path.
  public var synchronizes: Bool
  /// A count of the bytes written to outputs, for example for a progress display.
  public var written: ByteCounter?

  /// Creates a policy; the default replaces nothing and synchronizes.
  public init(replacesExisting: Bool = false, synchronizes: Bool = true) {
    self.replacesExisting = replacesExisting
    self.synchronizes = synchronizes
  }
}
