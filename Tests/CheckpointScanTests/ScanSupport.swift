// SPDX-License-Identifier: Apache-2.0
import Files
import TestSupport

@testable import CheckpointScan

/// The files that `Vectors/make_scan_vectors.py` wrote.
enum ScanVectors {
  static let root: String =
    #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    .joined(separator: "/") + "/Vectors/"

  /// The names in `good`, `code` or `damaged`.
  static func names(_ verdict: String) -> [String] {
    (try? files(below: root + verdict)) ?? []
  }

  static func scan(_ name: String) throws -> ScanReport {
    try CheckpointScanner.scan(InputFile(path: root + name))
  }
}

/// Scans bytes by way of a file.
func scan(_ bytes: [UInt8], in directory: TemporaryDirectory) throws -> ScanReport {
  try CheckpointScanner.scan(InputFile(path: directory.write(bytes, to: "mutant")))
}

/// The names that are not on the allowlist, as Python spells them.
func unknownNames(_ report: ScanReport) -> [String] {
  report.pickles.flatMap { $0.names }.filter { !$0.isAllowed }.map(\.qualifiedName)
}
