public import Concurrency

/// How an output takes its place.
public struct OutputPolicy: Sendable {
  /// Whether something that already has the name may be replaced.
  public var replacesExisting: Bool
  /// Whether the data is on the drive, not only in the page cache, before it takes the name.
  public var synchronizes: Bool
  /// Counts what is written to outputs, for somebody to watch.
  public var written: ByteCounter?

  /// The careful defaults: replaces nothing, and synchronizes.
  public init(replacesExisting: Bool = false, synchronizes: Bool = true) {
    self.replacesExisting = replacesExisting
    self.synchronizes = synchronizes
  }
}
