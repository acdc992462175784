internal import Files
public import Tensors

/// What is told of each unit that is done.
public enum BulkEvent: Sendable {
  /// A unit was converted, found unchanged, or failed.
  case unit(ManifestRecord, outcome: ConversionOutcome?)
  /// A directory could not be looked into.
  case unreadable(CheckpointError)
}

/// The sums of a bulk conversion.
public struct BulkSummary: Sendable {
  /// Adapters, models and files that were found.
  public internal(set) var found = 0
  /// Of these, those that were written.
  public internal(set) var converted = 0
  /// Of these, those whose outputs were there already.
  public internal(set) var unchanged = 0
  /// Of these, those that could not be converted.
  public internal(set) var failed = 0
  /// Directories that could not be looked into.
  public internal(set) var unreadable = 0
  /// The weights of all that was converted, in bytes.
  public internal(set) var bytesRead = 0
  /// What was written, in bytes.
  public internal(set) var bytesWritten = 0

  /// Whether all went well.
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
