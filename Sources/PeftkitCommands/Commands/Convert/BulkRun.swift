// SPDX-License-Identifier: Apache-2.0
internal import Concurrency
internal import ArgumentParser
public import ContentDigest
public import Conversion
internal import Files
internal import Tensors

/// `convert --recursive`: converts a tree, reports its progress and prints a summary (spec/bulk.md).
struct BulkRun {
  let source: String
  let destination: String
  let options: ConversionOptions
  let bulk: BulkOptions
  let json: Bool

  /// Converts the tree and prints a summary.
  ///
  /// - Throws: what ends the run, and exit code 1 when a unit could not be converted.
  func run() throws {
    var conversion = BulkConversion(source: source, destination: destination, options: options) {
      archive throws(CheckpointError) in
      try CheckpointDigest(of: archive).description
    }
    conversion.makeHasher = { CheckpointHasher() }
    conversion.jobs = bulk.jobs
    conversion.resumes = bulk.resume
    conversion.shard = try bulk.workPartition()
    conversion.manifestPath = bulk.manifest
    conversion.remedyWording = { $0.inFlags }

    let stopwatch = Stopwatch()
    let summary = try convert(conversion)
    let report = BulkReport(
      conversion: conversion, summary: summary, seconds: stopwatch.seconds)
    try print(report, json: json)
    if !summary.holds { throw ExitCode.finding }
  }

  private func convert(_ conversion: BulkConversion) throws(CheckpointError) -> BulkSummary {
    let monitor = BulkMonitor(source: source)
    guard Console.showsProgress else {
      return try conversion.run { monitor.show($0) }
    }
    // Counting the units takes a walk of its own, beside the conversion.
    let finder = try conversion.finder()
    return try ProgressLine.showing({ _ in monitor.line }) { () throws(CheckpointError) in
      try WorkerPool.run {
        () throws(CheckpointError) in
        defer { monitor.stop() }
        return try conversion.run { monitor.show($0) }
      } beside: {
        monitor.count(finder)
      }
    }
  }

  /// Lists what would be converted to what, and converts nothing.
  func list() throws {
    var conversion = BulkConversion(source: source, destination: destination, options: options) {
      _ throws(CheckpointError) in ""
    }
    conversion.shard = try bulk.workPartition()
    var finder = try conversion.finder()
    var output = TextOutput()
    while let item = finder.next() {
      switch item {
      case .unit(let unit):
        let action = unit.kind == .copy ? "be copied to" : "become the \(unit.kind.rawValue)"
        output.line(
          "\(unit.source.string(in: source).printable) would \(action) "
            + unit.destination.string(in: destination).printable)
      case .conflict(_, let error), .unreadable(_, let error): Console.print(error)
      }
      try output.flushIfLarge()
    }
    try output.print()
  }
}

extension CheckpointHasher: OutputHasher {
  /// The digest as it is in a manifest.
  public var text: String { digest.description }
}
