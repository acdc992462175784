// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import JSONDocument
internal import PEFT
internal import Tensors

/// Converts one unit of a tree, or verifies that it has been converted.
struct UnitConverter: Sendable {
  let source: String
  let destination: String
  let options: ConversionOptions
  private let known: ManifestIndex
  let resumes: Bool
  let fingerprint: CheckpointFingerprint
  private let makeHasher: (@Sendable () -> any OutputHasher)?
  /// The fingerprint of the options, as records contain it: it tells outputs of other options
  /// apart.
  private let settings: String
  let configs = ConfigRewriter()

  init(_ bulk: BulkConversion, known: ManifestIndex) {
    source = bulk.source
    destination = bulk.destination
    self.options = bulk.options
    self.known = known
    resumes = bulk.resumes
    makeHasher = bulk.makeHasher
    fingerprint = CheckpointFingerprint(digest: bulk.digest, options: bulk.options)
    // The output policy does not change the contents. Another version of peftkit may describe the
    // options differently; the outputs are then verified against the sources.
    var options = bulk.options
    options.policy = OutputPolicy()
    settings = String(WorkPartition.hash(Array(String(describing: options).utf8)), radix: 16)
  }

  /// Processes an item of the walk, and returns its record.
  ///
  /// - Throws: `interrupted`; other errors are in the record.
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
    var replaces = options.policy.replacesExisting
    if resumes, unit.destination.exists(in: destination) {
      switch try standing(of: unit, stamp) {
      case .correct(let digest):
        record.digest = digest
        record.outcome = .unchanged
        return nil
      case .ofOtherOptions: replaces = true
      case .replaceable: break
      }
    }
    do throws(CheckpointError) {
      return try write(unit, &record, &directories, replaces: replaces)
    } catch {
      guard unit.kind == .file, error.code == .missing, error.remedy == .allowEmpty else {
        throw error
      }
      return try copyWithoutTensors(unit, &record, &directories)
    }
  }

  /// Copies a file under its own name, since there is nothing to convert.
  private func copyWithoutTensors(
    _ unit: ConversionUnit, _ record: inout ManifestRecord, _ directories: inout DirectoryMaker
  ) throws(CheckpointError) -> ConversionOutcome? {
    let copied = ConversionUnit(
      kind: .copy, source: unit.source, destination: unit.source, weights: unit.weights,
      listing: nil)
    record.kind = copied.kind
    record.destination = copied.destination
    return try copy(copied, &record, &directories, hasNoTensors: true)
  }

  private func write(
    _ unit: ConversionUnit, _ record: inout ManifestRecord, _ directories: inout DirectoryMaker,
    replaces: Bool
  ) throws(CheckpointError) -> ConversionOutcome? {
    let isPlaceNew = try directories.makeParent(of: unit.destination)
    let outcome = try withPaths(of: unit, writes: true, replaces: replaces) {
      source, output throws(CheckpointError) in
      let hasher = makeHasher?()
      var options = options(for: unit)
      options.policy.replacesExisting = replaces
      var job = ConversionJob(source: source, destination: output, options: options)
      job.listing = unit.listing
      // The trees were checked not to contain each other, so their parts cannot either.
      job.checksNesting = false
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

  /// The options for a unit. Only models are split: the names of a file's parts could collide with
  /// others, and PEFT loads an adapter from one file.
  private func options(for unit: ConversionUnit) -> ConversionOptions {
    var options = options
    if unit.kind != .model { options.shardByteCount = nil }
    return options
  }

  /// The sizes and times of the files that are about to be read.
  private func stamp(of unit: ConversionUnit) throws(CheckpointError) -> FileStamp {
    var stamp = FileStamp(byteCount: 0, modified: 0)
    for file in unit.weights { stamp = try stamp + FileStamp(file, in: source) }
    return stamp
  }

  /// The digest in the manifest of an output that was written with other options.
  func notedWithOtherOptions(_ unit: ConversionUnit) -> String? {
    guard let entry = known[unit.source], entry.settings != settings else { return nil }
    return entry.digest
  }

  /// The digest in the manifest, if it was recorded for the same source and options.
  func noted(_ unit: ConversionUnit, _ stamp: FileStamp) -> String? {
    guard let entry = known[unit.source], entry.stamp == stamp, entry.settings == settings else {
      return nil
    }
    return entry.digest
  }
}
