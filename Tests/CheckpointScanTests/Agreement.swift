// SPDX-License-Identifier: Apache-2.0
import Archives
import CheckpointScan
import Files
import Tensors
import TorchCheckpoint

/// Whether the reader and the scan agree about a file (spec/scan.md, S29).
enum Agreement {
  /// Why the reader refuses files that are data only: what S24 leaves to it.
  static let leftToReader = [
    "appears twice", "expand", "contains itself", "nested too deeply", "surrogate",
    "with escapes", "more items than", "waiting to be used", "of a storage reaches beyond",
    "parameters are nested", "different element types", "does not name a tensor",
    "another version of the format", "a NumPy array has", "offset is out of range",
  ]

  /// Whether a finding is on something that the reader reads too, and must not accept: a pickle of the
  /// checkpoint, or a storage that a pickle names.
  static func concernsReader(_ finding: ScanFinding, _ format: FormatVariant) -> Bool {
    switch finding.code {
    case .import, .call, .role, .extension, .nestedPickle, .truncated, .malformed:
      guard let place = finding.place else { return false }
      return switch format {
      case .torchZip, .torchScript: place.hasSuffix("/data.pkl")
      case .torchLegacy:
        ["magic number", "version", "system information", "object", "storage keys"].contains(place)
      case .torchTar: ["sys_info", "pickle", "tensors", "storages"].contains(place)
      default: true
      }
    case .storage: return !finding.message.hasPrefix("no pickle uses")
    default: return false
    }
  }

  /// The error with which a file is refused, nil when all of it is read.
  static func refusal(_ path: String) -> CheckpointError? {
    do throws(CheckpointError) {
      let file = try TorchFile(path: path)
      for index in 0..<file.tensorCount {
        try file.withTensor(at: index) { _ throws(CheckpointError) in }
      }
      return file.codeRequest
    } catch {
      return error
    }
  }

  /// What is contradictory about reading and scanning a file; nil when nothing is.
  static func contradiction(_ path: String) throws -> String? {
    let report = try CheckpointScanner.scan(InputFile(path: path))
    // Arrays have a reader of their own.
    if ["npy", "npz"].contains(report.format.name) { return nil }
    let findings = report.findings.map { "\($0.code): \($0.message)" }
    guard let refusal = refusal(path) else {
      let concerned = report.findings.contains { concernsReader($0, report.format) }
      return concerned ? "is read, and the scan finds \(findings)" : nil
    }
    if refusal.message.contains("asks Python to run"), report.verdict != .asksForCode {
      return "the reader says \"\(refusal.message)\", the scan \(report.verdict): \(findings)"
    }
    guard report.verdict == .dataOnly else { return nil }
    if leftToReader.contains(where: refusal.message.contains) { return nil }
    let hasViews = report.format == .torchTar || report.format == .torchLegacy
    if hasViews, refusal.message.contains("beyond its storage") { return nil }
    return "is data only, and the reader says \"\(refusal.message)\""
  }
}
