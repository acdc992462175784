// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
internal import Conversion
internal import Files
internal import Kernels
internal import Tensors

/// Notes on what a conversion left out or changed.
struct ConversionNotes {
  /// The notes, printable.
  private(set) var lines: [String] = []

  /// - Parameter isOneOfMany: whether this is a unit of a tree: patterns may be for other units.
  init(_ outcome: ConversionOutcome, isOneOfMany: Bool = false) {
    add(outcome.report)
    if !isOneOfMany { add(outcome.report.unmatchedPatterns ?? []) }
    for cast in outcome.casts { add(cast) }
  }

  init(_ report: ConversionReport, casts: [CastRecord.Entry] = []) {
    add(report)
    add(report.unmatchedPatterns ?? [])
    for cast in casts { add(cast) }
  }

  private mutating func add(_ report: ConversionReport) {
    if report.isCopyWithoutTensors { lines.append("contains no tensors, and was copied") }
    lines += SkippedGroup.groups(of: report.skipped).map(\.note)
    if let optimizer = report.optimizer { lines.append(optimizer.note) }
    for file in report.supersededFiles {
      lines.append(
        "\(file.path.string.printable) was left out: \(file.loader) loads "
          + "\(file.loadedName.printable) instead")
    }
    lines += report.sourceNotes
    for alias in report.aliases {
      lines.append(
        "\(alias.name.excerpt) was left out: it is \(alias.kept.excerpt)")
    }
    for substitution in report.substitutions {
      lines.append(
        "\(substitution.name.excerpt) was written as \(substitution.writtenAs): the format has no "
          + "\(substitution.dtype), and the bits are the same")
    }
    if !report.droppedMetadata.isEmpty {
      let keys = report.droppedMetadata.map { $0.excerpt }.joined(separator: ", ")
      lines.append("metadata was left out that the format cannot store: \(keys)")
    }
  }

  private mutating func add(_ patterns: [UnmatchedPattern]) {
    for unmatched in patterns {
      let pattern = unmatched.pattern.excerpt
      switch unmatched.option {
      case .include: lines.append("--include '\(pattern)' matches no tensor")
      case .exclude: lines.append("--exclude '\(pattern)' matches no tensor")
      case .cast: lines.append("--dtype '\(pattern)' matches no tensor")
      case .rename: lines.append("--rename '\(pattern)=…' changes no name")
      }
    }
  }

  private mutating func add(_ cast: CastRecord.Entry) {
    let counts = cast.counts
    let effects: [(count: Int, what: String)] = [
      (counts.saturated, "became the largest number"),
      (counts.infiniteFromFinite, "became infinite"),
      (counts.nanFromNumber, "became NaN"),
      (counts.signLost, "lost their sign"),
      (counts.infinite - counts.infiniteFromFinite, "were infinite"),
      (counts.nan - counts.nanFromNumber, "were NaN"),
    ]
    let told = effects.filter { $0.count > 0 }.map { "\(Sizes.count($0.count)) \($0.what)" }
    guard !told.isEmpty else { return }
    lines.append(
      "\(cast.name.excerpt), \(cast.source) to \(cast.destination): of "
        + "\(Sizes.count(counts.elements, "element")) " + told.joined(separator: ", "))
  }
}
