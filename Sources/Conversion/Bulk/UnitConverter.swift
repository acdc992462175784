internal import Files
internal import JSONDocument
internal import PEFT
internal import Tensors

/// Converts one unit of a tree, or finds that it has been converted.
struct UnitConverter: Sendable {
  let source: String
  let destination: String
  let options: ConversionOptions
  private let known: ManifestIndex
  let resumes: Bool
  let fingerprint: CheckpointFingerprint
  private let makeHasher: (@Sendable () -> any OutputHasher)?
  /// What is asked for, as the records tell it: outputs of other settings are others.
  private let settings: String
  let configs = ConfigRewriter()

  init(_ bulk: BulkConversion, known: ManifestIndex) {
    source = bulk.source
    destination = bulk.destination
    var unitOptions = bulk.options
    // The trees do not, and so neither do these parts of them.
    unitOptions.isKnownApart = true
    self.options = unitOptions
    self.known = known
    resumes = bulk.resumes
    makeHasher = bulk.makeHasher
    fingerprint = CheckpointFingerprint(digest: bulk.digest, options: bulk.options)
    // How an output takes its place does not change what it is. Another version may describe the
    // options otherwise; then nothing is believed, and the outputs are checked against the sources.
    var options = bulk.options
    options.policy = OutputPolicy()
    settings = String(WorkShard.hash(Array(String(describing: options).utf8)), radix: 16)
  }

  /// Does what there is to do about something that was found.
  ///
  /// - Throws: `interrupted`; what goes wrong with the unit is in the record.
  func record(
    of item: CheckpointFinder.Item, _ directories: inout DirectoryMaker
  ) throws(CheckpointError) -> (ManifestRecord, ConversionOutcome?) {
    switch item {
    case .unreadable(let path, let error):
      return (
        ManifestRecord(source: path, outcome: .failed, settings: settings, error: error), nil
      )
    case .conflict(let unit, let error):
      return (record(of: unit, .failed, error), nil)
    case .unit(let unit):
      var record = record(of: unit, .failed, nil)
      do throws(CheckpointError) {
        let outcome = try convert(unit, &record, &directories)
        return (record, outcome)
      } catch  where error.code == .interrupted {
        throw error
      } catch {
        record.error = error.inFile(unit.source.string(in: source))
        return (record, nil)
      }
    }
  }

  private func record(
    of unit: ConversionUnit, _ outcome: ManifestRecord.Outcome, _ error: CheckpointError?
  ) -> ManifestRecord {
    ManifestRecord(
      source: unit.source, destination: unit.destination, kind: unit.kind, outcome: outcome,
      settings: settings, error: error)
  }

  private func convert(
    _ unit: ConversionUnit, _ record: inout ManifestRecord, _ directories: inout DirectoryMaker
  ) throws(CheckpointError) -> ConversionOutcome? {
    let stamp = try stamp(of: unit)
    record.stamp = stamp
    if unit.kind == .copy { return try copy(unit, &record, &directories) }
    if resumes, unit.destination.exists(in: destination),
      let digest = try digestIfUnchanged(unit, stamp)
    {
      record.digest = digest
      record.outcome = .unchanged
      return nil
    }
    let isPlaceNew = try directories.makeParent(of: unit.destination)
    let outcome = try withPaths(of: unit, writes: true) { source, output throws(CheckpointError) in
      let hasher = makeHasher?()
      var job = ConversionJob(source: source, destination: output, options: options(for: unit))
      job.listing = unit.listing
      job.configs = configs
      var plan = try job.plan()
      plan.isPlaceNew = isPlaceNew
      let outcome = try plan.execute(watcher: hasher)
      record.byteCount = outcome.byteCount
      if let hasher {
        record.digest = hasher.text
      } else {
        record.digest = try fingerprint.actual(of: unit.kind, at: output)
      }
      return outcome
    }
    record.outcome = .converted
    return outcome
  }

  /// A file that is split would become a directory of files, which then share names with nobody
  /// knows what, and PEFT loads an adapter from one file; models are split.
  private func options(for unit: ConversionUnit) -> ConversionOptions {
    var options = options
    if unit.kind != .model { options.shardByteCount = nil }
    return options
  }

  /// Sizes and times of what is about to be read.
  private func stamp(of unit: ConversionUnit) throws(CheckpointError) -> FileStamp {
    var stamp = FileStamp(byteCount: 0, modified: 0)
    for file in unit.weights { stamp = try stamp + FileStamp(file, in: source) }
    return stamp
  }

  /// The digest in the manifest, if source and settings are those that it was noted for.
  func noted(_ unit: ConversionUnit, _ stamp: FileStamp) -> String? {
    guard let entry = known[unit.source], entry.stamp == stamp, entry.settings == settings else {
      return nil
    }
    return entry.digest
  }
}
