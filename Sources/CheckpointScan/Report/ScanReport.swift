// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Pickle

/// The verdict of a scan on a file.
public enum ScanVerdict: String, Sendable, Hashable {
  /// Every byte of the file is accounted for by the grammar of a tensor checkpoint.
  case dataOnly = "data only"
  /// The file asks Python to import or call something that no tensor checkpoint needs.
  case asksForCode = "asks for code"
  /// The file does not ask for code, but it is not a complete tensor checkpoint and nothing else.
  case damaged
}

/// The result of the scan of a file (spec/scan.md).
public struct ScanReport: Sendable, Hashable {
  /// The format of the file, such as `torch-zip`.
  public internal(set) var format: FormatVariant
  /// The size of the file in bytes.
  public let byteCount: Int
  /// The pickles, in the order of the scan; at most `ScanLimits.pickles`.
  public internal(set) var pickles: [ScannedPickle] = []
  /// The number of pickles, listed or not.
  public internal(set) var pickleCount = 0
  /// The findings, in the order of the scan; at most `ScanLimits.findings`.
  public internal(set) var findings: [ScanFinding] = []
  /// The number of findings, listed or not.
  public internal(set) var findingCount = 0
  var codeFindingCount = 0

  /// The verdict that follows from the findings.
  public var verdict: ScanVerdict {
    if codeFindingCount > 0 { return .asksForCode }
    return findingCount > 0 ? .damaged : .dataOnly
  }

  /// Whether the format is unknown and nothing else was found.
  public var isUnrecognizedOnly: Bool {
    findingCount == 1 && findings.first?.code == .unrecognized
  }

  /// Whether the file is not a checkpoint of a known format.
  public var isUnrecognized: Bool { findings.contains { $0.code == .unrecognized } }

  /// The same report, with a better message about the unknown format.
  public func explaining(_ reason: String) -> ScanReport {
    var report = self
    for (index, finding) in findings.enumerated() where finding.code == .unrecognized {
      report.findings[index] = ScanFinding(
        code: .unrecognized, message: reason, place: finding.place, offset: finding.offset)
    }
    return report
  }

  /// Creates a report without findings, about a file that is data by its format, such as safetensors.
  public init(format: FormatVariant, byteCount: Int) {
    self.format = format
    self.byteCount = byteCount
  }
}

extension FormatVariant {
  /// A pickle that is not part of a checkpoint.
  public static let pickle = FormatVariant("pickle")
  /// A zip archive that is not a checkpoint.
  public static let zip = FormatVariant("zip")
  /// A tar archive that is not a checkpoint.
  public static let tar = FormatVariant("tar")
  /// Contents of an unknown format.
  public static let unknown = FormatVariant("unknown")
}

/// A reason that a file is not data only.
public struct ScanFinding: Sendable, Hashable {
  /// The kind of a finding. The raw values are stable.
  public enum Code: String, Sendable, Hashable, CaseIterable {
    /// The import of a name that is not in the table of allowed names.
    case `import`
    /// A call that no tensor checkpoint needs.
    case call
    /// An allowed name in a place where no checkpoint has one.
    case role
    /// A name of the registry of extension codes, which depends on the process that loads the file.
    case `extension`
    /// A pickle inside a string or bytes of another pickle.
    case nestedPickle = "nested-pickle"
    /// A TorchScript program, which is compiled on loading.
    case program
    /// The bytes end too early.
    case truncated
    /// An invalid pickle, or an opcode that no checkpoint has.
    case malformed
    /// A pickle after the end of the checkpoint, or in another wrong place.
    case extraPickle = "extra-pickle"
    /// Bytes that are not part of the format.
    case unaccounted
    /// A contradiction in the zip or tar archive.
    case container
    /// A record that no checkpoint has.
    case record
    /// A storage that is missing, or whose size differs from that in the pickle.
    case storage
    /// The file is not a checkpoint of any known format.
    case unrecognized
    /// More than the limits of a scan allow.
    case limit

    /// Whether the kind asks for code, rather than being damage.
    var asksForCode: Bool {
      switch self {
      case .import, .call, .role, .extension, .nestedPickle, .program: true
      default: false
      }
    }
  }

  /// The kind.
  public let code: Code
  /// The description.
  public let message: String
  /// The pickle or record; nil for the file itself.
  public let place: String?
  /// The offset, from the start that `ScannedPickle.offsetBase` gives; nil if there is none.
  public let offset: Int?

  /// Whether it asks for code, rather than being damage.
  public var asksForCode: Bool { code.asksForCode }
}

/// The limits of a scan.
public enum ScanLimits {
  /// The largest number of findings in a report.
  public static let findings = 1000
  /// The largest number of pickles in a report.
  public static let pickles = 1000
  /// The largest number of names of a pickle in a report, and of its calls.
  public static let names = 10_000
  /// The largest number of pickles inside each other.
  public static let nesting = 8
  /// The largest number of bytes of nested or inflated pickles in a file.
  public static let unpackedBytes = 64 << 20

  /// Values that the scan of a pickle holds at once, when the archive around it has so many records:
  /// each may be a tensor of some dimensions.
  static func values(recordCount: Int) -> Int { 4_000_000 + 64 * recordCount }
}
