internal import ArgumentParser
public import ContentDigest
public import Conversion
internal import Files
internal import Tensors

/// `convert --recursive`: converts a tree, tells how it goes, and sums it up (spec/bulk.md).
struct BulkRun {
  let source: String
  let destination: String
  let options: ConversionOptions
  let bulk: BulkOptions
  let json: Bool

  /// Does all of it.
  ///
  /// - Throws: what ends the whole run, and exit code 1 when some of it could not be converted.
  func run() throws {
    var conversion = BulkConversion(source: source, destination: destination, options: options) {
      archive throws(CheckpointError) in
      try CheckpointDigest(of: archive).description
    }
    conversion.makeHasher = { CheckpointHasher() }
    conversion.jobs = bulk.jobs
    conversion.resumes = bulk.resume
    conversion.shard = try bulk.workShard()
    conversion.manifestPath = bulk.manifest

    let stopwatch = Stopwatch()
    let summary = try convert(conversion)
    let report = BulkReport(
      conversion: conversion, summary: summary, seconds: stopwatch.seconds)
    if json { try report.printJSON() } else { try report.printText() }
    if !summary.holds { throw ExitCode.finding }
  }

  private func convert(_ conversion: BulkConversion) throws(CheckpointError) -> BulkSummary {
    let console = BulkConsole(source: source)
    guard StandardStream.error.isTerminal else {
      return try conversion.run { console.show($0) }
    }
    // Counting what there is takes a walk of its own; nobody waits for it.
    let finder = try conversion.finder()
    return try WorkerPool.run {
      () throws(CheckpointError) in
      defer { console.stop() }
      return try conversion.run { console.show($0) }
    } beside: {
      console.showProgress(counting: finder)
    }
  }

  /// Says what would be converted to what, and converts nothing.
  func list() throws {
    var conversion = BulkConversion(source: source, destination: destination, options: options) {
      _ throws(CheckpointError) in ""
    }
    conversion.shard = try bulk.workShard()
    var finder = try conversion.finder()
    var output = TextOutput()
    while let item = finder.next() {
      switch item {
      case .unit(let unit):
        output.line(
          "\(unit.source.string(in: source).printable) would become the \(unit.kind.rawValue) "
            + unit.destination.string(in: destination).printable)
      case .conflict(_, let error), .unreadable(_, let error): ErrorReport.print(error)
      }
      try output.flushIfLarge()
    }
    try output.print()
  }
}

extension CheckpointHasher: OutputHasher {
  /// The digest as manifests spell it.
  public var text: String { digest.description }
}
