// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Synchronization
internal import Tensors

/// The state that the threads of a bulk conversion share.
final class BulkRunState: Sendable {
  private let source: String
  private let finder: Mutex<CheckpointFinder>
  private let summary = Mutex(BulkSummary())
  /// The error that ends the whole run.
  private let failure = Mutex<CheckpointError?>(nil)
  private let manifest: AppendedFile
  private let remedyWording: @Sendable (CheckpointError.Remedy) -> String
  private let observer: @Sendable (BulkEvent) -> Void

  init(
    source: String, finder: CheckpointFinder, manifest: AppendedFile,
    remedyWording: @escaping @Sendable (CheckpointError.Remedy) -> String,
    observer: @escaping @Sendable (BulkEvent) -> Void
  ) {
    self.source = source
    self.finder = Mutex(finder)
    self.manifest = manifest
    self.remedyWording = remedyWording
    self.observer = observer
  }

  /// Converts units until there are no more, or the run ends.
  func work(_ converter: UnitConverter, _ directories: DirectoryMaker) {
    var directories = directories
    while let item = next() {
      do throws(CheckpointError) {
        let (record, outcome) = try converter.record(of: item, &directories)
        try finish(record, outcome)
      } catch {
        // Errors of a unit are in its record; this one ends the run.
        failure.withLock { $0 = $0 ?? error }
      }
    }
  }

  /// The summary, after all threads have returned.
  ///
  /// - Throws: the error that ended the run.
  func finish(synchronizing: Bool) throws(CheckpointError) -> BulkSummary {
    if let failure = failure.withLock({ $0 }), failure.code != .interrupted { throw failure }
    if synchronizing { try manifest.synchronize() }
    let summary = summary.withLock { $0 }
    guard !Interruption.isRequested else {
      throw CheckpointError(
        .interrupted, "was interrupted; the manifest contains the finished units", path: source,
        remedy: .resume)
    }
    return summary
  }

  private func next() -> CheckpointFinder.Item? {
    guard !Interruption.isRequested, failure.withLock({ $0 == nil }) else { return nil }
    return finder.withLock { $0.next() }
  }

  private func finish(
    _ record: ManifestRecord, _ outcome: ConversionOutcome?
  ) throws(CheckpointError) {
    try manifest.append(record.encoded(remedyWording: remedyWording))
    summary.withLock { $0.add(record) }
    if record.kind == nil, let error = record.error {
      observer(.unreadable(error))
    } else {
      observer(.unit(record, outcome: outcome))
    }
  }
}
