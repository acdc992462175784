// SPDX-License-Identifier: Apache-2.0
internal import Files
public import Tensors

/// An event of a bulk conversion, for its observer.
public enum BulkEvent: Sendable {
  /// A unit was converted, found unchanged, or failed.
  case unit(ManifestRecord, outcome: ConversionOutcome?)
  /// A directory could not be listed.
  case unreadable(CheckpointError)
}

/// The counts and sizes of a bulk conversion.
public struct BulkSummary: Sendable {
  /// The number of units that were found.
  public internal(set) var found = 0
  /// How many of these were converted.
  public internal(set) var converted = 0
  /// How many of these had a correct output already.
  public internal(set) var unchanged = 0
  /// How many of these could not be converted.
  public internal(set) var failed = 0
  /// The number of directories that could not be listed.
  public internal(set) var unreadable = 0
  /// The size, in bytes, of the weights of all converted units.
  public internal(set) var bytesRead = 0
  /// The size, in bytes, of all outputs that were written.
  public internal(set) var bytesWritten = 0

  /// Whether nothing failed.
  public var holds: Bool { failed == 0 && unreadable == 0 }

  mutating func add(_ record: ManifestRecord) {
    guard record.kind != nil else {
      unreadable += 1
      return
    }
    found += 1
    switch record.outcome {
    case .converted:
      converted += 1
      bytesRead += record.stamp?.byteCount ?? 0
      bytesWritten += record.byteCount ?? 0
    case .unchanged: unchanged += 1
    case .failed: failed += 1
    }
  }
}
