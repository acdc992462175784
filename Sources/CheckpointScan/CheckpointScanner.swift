// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
internal import NumPyArchive
internal import Pickle
public import Tensors
internal import ZipArchive

/// Reports whether a file asks Python to run code, without running any (spec/scan.md).
public enum CheckpointScanner {
  /// Scans a file of any kind. Nothing in it is called, and no finding stops the scan.
  ///
  /// - Throws: `system` or `truncated` when the file cannot be read. A defect of the contents is a
  ///   finding, never an error.
  /// - Complexity: O(file), with memory for the largest pickle's values.
  public static func scan(_ file: InputFile) throws(CheckpointError) -> ScanReport {
    try scan(file, unpackedByteLimit: ScanLimits.unpackedBytes)
  }

  static func scan(
    _ file: InputFile, unpackedByteLimit: Int
  ) throws(CheckpointError) -> ScanReport {
    let mapping = SharedMapping(try MappedFile(file))
    var scan = FileScan(file, unpackedByteLimit: unpackedByteLimit)
    scan.memory = MappedPart(mapping)
    scan.run(mapping.bytes)
    return scan.report
  }

  /// Whether a file starts as a pickle does, so that Python's `pickle.load` takes it for one.
  public static func startsPickle(_ file: InputFile) -> Bool {
    let count = min(file.byteCount, FileScan.pickleStart)
    guard let bytes = try? file.read(at: 0, count: count) else { return false }
    return FileScan.startsPickle(bytes.span.rawBytes)
  }

  /// Scans a file that the reader of a format without code has accepted
  /// (`CheckpointFormat.isDataOnly`).
  ///
  /// Such a file is data, unless it was made to be something else too: another reader, which is chosen
  /// by a name such as `.bin`, may read it as a pickle, zip or tar.
  ///
  /// - Parameters:
  ///   - file: the open file.
  ///   - variant: the variant that the reader found.
  /// - Throws: as `scan(_:)`.
  public static func scan(
    _ file: InputFile, acceptedAs variant: FormatVariant
  ) throws(CheckpointError) -> ScanReport {
    let mapping = SharedMapping(try MappedFile(file))
    let bytes = mapping.bytes
    let isArchive =
      bytes.has(ZipFormat.fileSignature, at: 0) || FileScan.isTarToPython(bytes)
      || (try? ZipEnd(of: file)) != nil
    if !isArchive {
      var machine = ScanMachine(
        ScannedPickle(place: "file", offsetBase: .file, offset: 0), in: .init())
      _ = machine.run(bytes)
      guard machine.pickle.nameCount > 0 else {
        return ScanReport(format: variant, byteCount: file.byteCount)
      }
    }
    var scan = FileScan(file)
    scan.find(.container, "is a \(variant.name) file, and something else too", in: nil, at: 0)
    scan.checkOtherFormats(bytes)
    scan.run(bytes)
    return scan.report
  }
}

/// The state of a scan.
struct FileScan {
  let file: InputFile
  var report: ScanReport
  /// The strings that are pickles or archives, which are scanned after the file itself.
  var pending: [Nested] = []
  /// The bytes of nested and inflated pickles so far.
  var unpackedByteCount = 0
  /// The largest number of bytes of nested and inflated pickles.
  let unpackedByteLimit: Int
  /// The number of bytes that may still be searched for hidden pickles.
  var work: Int
  /// The memory of the file's bytes, to be freed when they have been followed.
  var memory: MappedPart?

  /// A pickle or archive inside a string of a pickle.
  struct Nested {
    let bytes: [UInt8]
    let place: String
    let depth: Int
  }

  /// The place of a pickle.
  struct Place {
    let name: String
    let base: ScannedPickle.OffsetBase
    /// The number of strings that contain each other around it.
    var depth = 0

    init(_ name: String, _ base: ScannedPickle.OffsetBase = .file, depth: Int = 0) {
      self.name = name
      self.base = base
      self.depth = depth
    }
  }

  init(_ file: InputFile, unpackedByteLimit: Int = ScanLimits.unpackedBytes) {
    self.file = file
    self.unpackedByteLimit = unpackedByteLimit
    let (product, overflow) = file.byteCount.multipliedReportingOverflow(by: 16)
    work = (overflow ? Int.max / 2 : product) + (1 << 26)
    report = ScanReport(format: .unknown, byteCount: file.byteCount)
  }

  /// A kind of file that can contain code.
  private struct Kind: Sendable {
    let recognizes: @Sendable (RawSpan) -> Bool
    let scan: @Sendable (inout FileScan, RawSpan) -> Void
  }

  /// The kinds, in the order in which they are looked for.
  private static let kinds = [
    Kind {
      $0.has(ZipFormat.fileSignature, at: 0)
    } scan: {
      $0.scanZip($1)
    },
    Kind {
      isTar($0)
    } scan: {
      $0.scanTar($1)
    },
    Kind {
      $0.has(NpyHeader.magic, at: 0)
    } scan: {
      $0.scanArrayFile($1)
    },
    Kind {
      startsPickle($0)
    } scan: {
      $0.scanPickleFile($1)
    },
    Kind { _ in
      true
    } scan: {
      $0.scanUnrecognized($1)
    },
  ]

  /// Scans everything.
  mutating func run(_ bytes: RawSpan) {
    Self.kinds.first { $0.recognizes(bytes) }?.scan(&self, bytes)
    scanPending()
  }

  /// Scans a file of a kind that no reader of checkpoints opens.
  private mutating func scanUnrecognized(_ bytes: RawSpan) {
    report.format = .unknown
    find(.unrecognized, "is not a checkpoint of a known format", in: nil, at: nil)
    checkOtherFormats(bytes)
    search(bytes, 0..<bytes.byteCount)
  }

  /// The bytes of a file that show whether it starts as a pickle.
  static let pickleStart = 4096

  /// Whether bytes start as pickles do: with PROTO, or with a first opcode of protocols 0 and 1.
  static func startsPickle(_ bytes: RawSpan) -> Bool {
    if bytes.byteCount >= 3, bytes.byte(at: 0) == 0x80 {
      return bytes.byte(at: 1) <= PickleDecoder.highestProtocol
        && Opcode(rawValue: bytes.byte(at: 2)) != nil
    }
    var decoder = PickleDecoder(bytes)
    guard let first = try? decoder.next(), (try? decoder.next()) != nil else { return false }
    switch first.opcode {
    case .global, .mark, .emptyDict, .emptyList, .emptyTuple, .long: return true
    default: return false
    }
  }

  /// Scans the pickle that starts at a byte.
  ///
  /// - Returns: the machine, and the offset of the first byte after the pickle.
  @discardableResult
  mutating func scanPickle(
    _ bytes: RawSpan, at start: Int, in place: Place,
    _ surroundings: ScanMachine.Surroundings = .init()
  ) -> (machine: ScanMachine, end: Int) {
    var machine = ScanMachine(
      ScannedPickle(place: place.name, offsetBase: place.base, offset: start), in: surroundings)
    if place.base == .file { machine.memory = memory?.part(from: start) }
    let count = machine.run(bytes.extracting(start..<bytes.byteCount))
    add(machine, depth: place.depth)
    return (machine, start + count)
  }

  /// Adds the findings of a machine.
  mutating func add(_ machine: ScanMachine, depth: Int) {
    if report.pickles.count < ScanLimits.pickles { report.pickles.append(machine.pickle) }
    report.pickleCount += 1
    for finding in machine.findings { add(finding) }
    report.findingCount += machine.findingCount - machine.findings.count
    let listed = machine.findings.count { $0.asksForCode }
    report.codeFindingCount += machine.codeFindingCount - listed
    for string in machine.nested {
      let place = "\(machine.pickle.place), string at byte \(string.offset)"
      find(.nestedPickle, "passes a pickle to a call", in: machine.pickle.place, at: string.offset)
      pending.append(Nested(bytes: string.bytes, place: place, depth: depth + 1))
    }
  }

  /// Adds a finding.
  mutating func find(
    _ code: ScanFinding.Code, _ message: String, in place: String?, at offset: Int?
  ) {
    add(ScanFinding(code: code, message: message, place: place, offset: offset))
  }

  private mutating func add(_ finding: ScanFinding) {
    report.findingCount += 1
    if finding.asksForCode { report.codeFindingCount += 1 }
    if report.findings.count < ScanLimits.findings
      || (finding.asksForCode && report.codeFindingCount == 1)
    {
      report.findings.append(finding)
    }
  }
}
