internal import ArgumentParser
internal import ContentDigest
internal import Conversion
internal import Files
internal import Tensors

/// `convert --recursive`: converts a tree, tells how it goes, and sums it up (spec/bulk.md).
struct BulkRun {
  let source: String
  let destination: String
  let options: ConversionOptions
  let bulk: BulkOptions

  /// Does all of it.
  ///
  /// - Throws: what ends the whole run, and exit code 1 when some of it could not be converted.
  func run() throws {
    var conversion = BulkConversion(source: source, destination: destination, options: options) {
      archive throws(CheckpointError) in
      try CheckpointDigest(of: archive).description
    }
    conversion.jobs = bulk.jobs ?? WorkerPool.cpuCount
    conversion.resumes = bulk.resume
    conversion.shard = try bulk.workShard()
    conversion.manifestPath = bulk.manifest

    let stopwatch = Stopwatch()
    let summary = try convert(conversion)
    let report = BulkReport(
      conversion: conversion, summary: summary, seconds: stopwatch.seconds)
    if bulk.json { try report.printJSON() } else { try report.printText() }
    if !summary.holds { throw ExitCode.finding }
  }

  private func convert(_ conversion: BulkConversion) throws(CheckpointError) -> BulkSummary {
    let console = BulkConsole(source: source)
    guard StandardStream.error.isTerminal else {
      return try conversion.run { console.show($0) }
    }
    // Counting what there is takes a walk of its own; nobody waits for it.
    let finder = try conversion.finder()
    var result: Result<BulkSummary, CheckpointError>?
    WorkerPool.run {
      do throws(CheckpointError) {
        result = .success(try conversion.run { console.show($0) })
      } catch {
        result = .failure(error)
      }
      console.stop()
    } beside: {
      console.showProgress(counting: finder)
    }
    guard let result else { preconditionFailure("the run must have ended") }
    return try result.get()
  }
}
