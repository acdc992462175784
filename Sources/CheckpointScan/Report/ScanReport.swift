// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Pickle

/// What a scan says of a file.
public enum ScanVerdict: String, Sendable, Hashable {
  /// Every byte of the file is accounted for by the grammar of a tensor checkpoint.
  case dataOnly = "data only"
  /// Something in the file would have Python import or call what no tensor checkpoint needs.
  case asksForCode = "asks for code"
  /// Nothing asks for code, and the file is not, or not wholly, a tensor checkpoint.
  case damaged
}

/// The result of scanning one file. The rules are those of spec/scan.md.
public struct ScanReport: Sendable, Hashable {
  /// What the file is, spelled as in spec/scan.md, for example `torch-zip`.
  public internal(set) var format: FormatVariant
  /// The size of the file in bytes.
  public let byteCount: Int
  /// The pickles found, in the order in which they were met; at most `ScanLimits.pickles`.
  public internal(set) var pickles: [ScannedPickle] = []
  /// The number of pickles, listed or not.
  public internal(set) var pickleCount = 0
  /// What is wrong, in the order in which it was met; at most `ScanLimits.findings`.
  public internal(set) var findings: [ScanFinding] = []
  /// The number of findings, listed or not.
  public internal(set) var findingCount = 0
  var codeFindingCount = 0

  /// The verdict that the findings add up to.
  public var verdict: ScanVerdict {
    if codeFindingCount > 0 { return .asksForCode }
    return findingCount > 0 ? .damaged : .dataOnly
  }

  /// Whether the format is unknown and nothing else was found.
  public var isUnrecognizedOnly: Bool {
    findingCount == 1 && findings.first?.code == .unrecognized
  }

  /// The same report, with a better word on what a file of no known format is.
  public func explaining(_ reason: String) -> ScanReport {
    var report = self
    for (index, finding) in findings.enumerated() where finding.code == .unrecognized {
      report.findings[index] = ScanFinding(
        code: .unrecognized, message: reason, place: finding.place, offset: finding.offset)
    }
    return report
  }

  /// A report without findings on a file whose format alone makes it data, such as safetensors.
  public init(format: FormatVariant, byteCount: Int) {
    self.format = format
    self.byteCount = byteCount
  }
}

extension FormatVariant {
  /// A pickle and nothing else, which no format describes.
  public static let pickle = FormatVariant("pickle")
  /// Contents that no format describes.
  public static let unknown = FormatVariant("unknown")
}

/// One thing that keeps a file from being data only.
public struct ScanFinding: Sendable, Hashable {
  /// What kind of thing it is; the raw values are stable.
  public enum Code: String, Sendable, Hashable, CaseIterable {
    /// A name is imported that is not on the allowlist.
    case `import`
    /// A name is called, or called in a way, that no tensor checkpoint needs.
    case call
    /// An allowed name is where no checkpoint has it.
    case role
    /// A name from the registry of extension codes, which only the loading process knows.
    case `extension`
    /// A pickle inside a string or bytes of another pickle.
    case nestedPickle = "nested-pickle"
    /// A program that loading would compile (TorchScript).
    case program
    /// The bytes end inside or before something that they promise.
    case truncated
    /// A pickle breaks a rule of pickles, or uses an opcode that no checkpoint has.
    case malformed
    /// Another pickle where the file should have ended, or where no pickle belongs.
    case extraPickle = "extra-pickle"
    /// Bytes that no part of the format accounts for.
    case unaccounted
    /// The zip or tar around the pickles contradicts itself.
    case container
    /// A record that no checkpoint has.
    case record
    /// A storage that is missing, or of another size than the pickle says.
    case storage
    /// The file is not a checkpoint of any known format.
    case unrecognized
    /// More than a scan follows.
    case limit

    /// Whether it would have code run, as opposed to being damage.
    var asksForCode: Bool {
      switch self {
      case .import, .call, .role, .extension, .nestedPickle, .program: true
      default: false
      }
    }
  }

  /// The kind.
  public let code: Code
  /// What was found, in words.
  public let message: String
  /// The pickle or record that it was found in; nil for the file itself.
  public let place: String?
  /// The byte, counted as `ScannedPickle.offsetBase` of the place says; nil for no byte of its own.
  public let offset: Int?

  /// Whether it would have code run, as opposed to being damage.
  public var asksForCode: Bool { code.asksForCode }
}

/// How much a scan lists, follows and holds.
public enum ScanLimits {
  /// Findings listed in a report.
  public static let findings = 1000
  /// Pickles listed in a report.
  public static let pickles = 1000
  /// Names, and calls, listed of one pickle.
  public static let names = 10_000
  /// How deep pickles inside pickles are followed.
  public static let nesting = 8
  /// Bytes of nested or inflated pickles followed in one file.
  public static let unpackedBytes = 64 << 20

  /// Values that the scan of a pickle holds at once, when the archive around it has so many records:
  /// each may be a tensor of some dimensions.
  static func values(recordCount: Int) -> Int { 2_000_000 + 64 * recordCount }
}
