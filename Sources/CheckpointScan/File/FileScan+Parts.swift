// SPDX-License-Identifier: Apache-2.0
internal import Archives
public import DistributedCheckpoint
public import Files
public import Tensors
internal import ZipArchive

extension CheckpointScanner {
  /// Scans a file with the parts of a checkpoint that several processes saved. Each is what `torch.save`
  /// wrote; the metadata in the same directory say where they are.
  ///
  /// - Parameters:
  ///   - file: the open file.
  ///   - places: what the metadata say; nil when there are none that can be read.
  /// - Throws: as `scan(_:)`.
  public static func scan(
    _ file: InputFile, places: PartPlaces?
  ) throws(CheckpointError) -> ScanReport {
    let mapping = SharedMapping(try MappedFile(file))
    var scan = FileScan(file)
    scan.memory = MappedPart(mapping)
    scan.report.format = .torchDistributed
    scan.scanParts(places?.places(in: file.path), mapping.bytes)
    scan.scanPending()
    return scan.report
  }
}

extension FileScan {
  /// Scans the parts of a file, and the bytes between them.
  fileprivate mutating func scanParts(_ places: [PartPlaces.Place]?, _ bytes: RawSpan) {
    guard let places else {
      find(
        .unrecognized,
        "has parts of a distributed checkpoint, and no .metadata next to it says where", in: nil,
        at: nil)
      if bytes.has(ZipFormat.fileSignature, at: 0) {
        surveyZip(bytes, in: Place("zip"))
      } else {
        search(bytes, 0..<bytes.byteCount)
      }
      return
    }
    var end = 0
    for place in places {
      let range = place.range
      guard range.upperBound <= bytes.byteCount else {
        find(
          .truncated, "the file ends inside a part", in: "part at byte \(range.lowerBound)",
          at: bytes.byteCount)
        continue
      }
      checkGap(bytes, end..<max(end, range.lowerBound))
      guard range.lowerBound >= end || range.isEmpty else {
        find(.malformed, "two parts have the same bytes", in: nil, at: range.lowerBound)
        search(bytes, range)
        continue
      }
      end = max(end, range.upperBound)
      if let transform = place.transform {
        find(
          .limit, "a part is under \(transform.excerpt), which the scan does not undo", in: nil,
          at: range.lowerBound)
        search(bytes, range)
      } else {
        scanPart(bytes, range)
      }
    }
    checkGap(bytes, end..<bytes.byteCount)
  }

  private mutating func checkGap(_ bytes: RawSpan, _ range: Range<Int>) {
    guard !range.isEmpty else { return }
    find(
      .unaccounted, range.count.counting("byte", "belong") + " to no part", in: nil,
      at: range.lowerBound)
    search(bytes, range)
  }

  /// Scans a part as a file of its own.
  private mutating func scanPart(_ bytes: RawSpan, _ range: Range<Int>) {
    let start = range.lowerBound
    do throws(CheckpointError) {
      var part = FileScan(
        try InputFile(file, section: range), unpackedByteLimit: unpackedByteLimit)
      part.unpackedByteCount = unpackedByteCount
      part.work = work
      part.memory = memory?.part(from: start)
      part.run(bytes.extracting(range))
      (work, unpackedByteCount) = (part.work, part.unpackedByteCount)
      report.add(part.report, asPart: "part at byte \(start)", at: start)
    } catch {
      find(.truncated, error.message, in: nil, at: start)
    }
  }
}

extension ScanReport {
  /// Adds what was found in a part of the file.
  ///
  /// - Parameters:
  ///   - part: the name of the part, before those of places in it.
  ///   - start: the offset of the part.
  fileprivate mutating func add(_ other: ScanReport, asPart part: String, at start: Int) {
    var bases: [String: ScannedPickle.OffsetBase] = [:]
    for pickle in other.pickles {
      bases[pickle.place] = pickle.offsetBase
      guard pickles.count < ScanLimits.pickles else { continue }
      pickles.append(
        pickle.moved(to: "\(part), \(pickle.place)", by: pickle.offsetBase == .file ? start : 0))
    }
    pickleCount += other.pickleCount
    for finding in other.findings {
      // The first finding that asks for code is always listed.
      let isFirst = finding.asksForCode && !findings.contains(where: \.asksForCode)
      guard findings.count < ScanLimits.findings || isFirst else { continue }
      let base = finding.place.flatMap { bases[$0] } ?? .file
      findings.append(
        ScanFinding(
          code: finding.code, message: finding.message,
          place: finding.place.map { "\(part), \($0)" } ?? part,
          offset: finding.offset.map { base == .file ? $0 + start : $0 }))
    }
    findingCount += other.findingCount
    codeFindingCount += other.codeFindingCount
  }
}
