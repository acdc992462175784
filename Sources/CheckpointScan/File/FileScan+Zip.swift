// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Pickle
internal import Files
internal import NumPyArchive
internal import Tensors
internal import TorchCheckpoint
internal import ZipArchive

extension FileScan {
  /// Scans a file that starts as zip archives do.
  mutating func scanZip(_ bytes: RawSpan) {
    report.format = .torchZip
    let index: ZipIndex
    do throws(CheckpointError) {
      index = try Self.index(of: file)
    } catch {
      find(.container, error.message, in: nil, at: error.offset)
      return surveyZip(bytes, in: Place("zip"))
    }
    report.format = Self.format(of: index)
    // torch leaves out the checksums of storages whose data is to be filled in later.
    let storages = index.entries.filter { Self.isStorage($0) && $0.byteCount > 0 }
    let checksStorages = storages.contains { $0.checksum != 0 }
    for entry in index.entries {
      checkSurroundings(of: entry, in: bytes)
      guard checksStorages || !Self.isStorage(entry) else { continue }
      checkChecksum(of: entry, index, in: bytes)
    }
    if !index.comment.isEmpty {
      find(
        .unaccounted, "\(index.comment.count) bytes of comment follow the zip archive",
        in: nil, at: index.comment.lowerBound)
      search(bytes, index.comment)
    }
    switch report.format {
    case .npz: scanArrays(index, in: bytes)
    case .zip: scanOther(index, in: bytes)
    default: scanCheckpoint(index, in: bytes)
    }
  }

  /// The index of an archive. Only to NumPy are names different that differ in case.
  private static func index(of file: InputFile) throws(CheckpointError) -> ZipIndex {
    do throws(CheckpointError) {
      return try ZipIndex(of: file)
    } catch {
      if let index = try? ZipIndex(of: file, mindsCase: true), NpzFormat.describes(index) {
        return index
      }
      throw error
    }
  }

  /// The variant of an archive. To torch, an archive with `constants.pkl` is TorchScript.
  private static func format(of index: ZipIndex) -> FormatVariant {
    if NpzFormat.describes(index) { return .npz }
    func has(_ name: String) -> Bool {
      index.entries.contains { ZipName.folded($0.name).string.utf8.ends(with: name) }
    }
    if has("/constants.pkl") { return .torchScript }
    return has("data.pkl") ? .torchZip : .zip
  }

  /// Scans an archive of other files: torch looks for a pickle that is not there.
  private mutating func scanOther(_ index: ZipIndex, in bytes: RawSpan) {
    if index.entries.contains(where: { $0.name.utf8.ends(with: "/.data/extern_modules") }) {
      return find(
        .program, "is a torch.package, whose Python code runs when a model in it is loaded",
        in: nil,
        at: nil)
    }
    find(.unrecognized, "is a zip archive of other files, not a checkpoint", in: nil, at: nil)
    for entry in index.entries where !entry.isFolder {
      withContents(of: entry, index, in: bytes) { scan, contents, range, place in
        scan.scanUnknown(contents, range, in: place)
      }
    }
  }

  /// Whether an entry has the name of a storage, `FOLDER/data/KEY`.
  private static func isStorage(_ entry: ZipEntry) -> Bool {
    let path = entry.name.split(separator: "/", omittingEmptySubsequences: false)
    return path.count == 3 && path[1] == "data"
  }

  private static func isArray(_ entry: ZipEntry) -> Bool { entry.name.utf8.ends(with: ".npy") }

  /// Scans the members of an archive of arrays. Members that are not arrays are skipped by readers
  /// (spec/numpy.md N15), unless they start like one.
  private mutating func scanArrays(_ index: ZipIndex, in bytes: RawSpan) {
    for entry in index.entries where !entry.isFolder {
      withContents(of: entry, index, in: bytes) { scan, contents, range, place in
        let member = contents.extracting(range)
        if Self.isArray(entry) || member.has(NpyHeader.magic, at: 0) {
          let whole = contents.extracting(0..<range.upperBound)
          scan.scanArray(whole, at: range.lowerBound, in: place)
          return
        }
        if member.has(ZipFormat.fileSignature, at: 0) || Self.startsPickle(member) {
          scan.find(
            .record, "is a pickle or an archive, not an array", in: entry.name,
            at: entry.headerOffset)
        }
        scan.scanUnknown(contents, range, in: place)
      }
    }
  }

  /// Scans the records of an archive whose index and headers are consistent.
  private mutating func scanCheckpoint(_ index: ZipIndex, in bytes: RawSpan) {
    let names = index.entries.map { $0.name }
    let folder = String(decoding: names.first?.utf8.prefix { $0 != 0x2F } ?? [], as: UTF8.self)
    var sizes: [String: [String: Int]] = [:]
    var storages: [String: [ScanStorage]] = [:]
    var blindGroups: Set<String> = []
    var programCount = 0
    let storageFolder = String(
      TorchRecords.storages(of: index, in: folder).dropFirst(folder.count + 1))
    for entry in index.entries {
      let record = ScanRecord(
        entry.name, in: folder, storages: storageFolder,
        isTorchScript: report.format == .torchScript)
      switch record {
      case .storage(let group, let key):
        sizes[group, default: [:]][key] = entry.byteCount
        checkCompression(of: entry, index)
      case .pickle(let group):
        withContents(of: entry, index, in: bytes) { scan, contents, range, place in
          let machine = scan.scanRecord(
            contents, range, in: place,
            .init(
              dialect: scan.report.format == .torchScript ? .torchScript : .torch,
              recordCount: names.count))
          storages[group, default: []] += machine.storages
          if machine.isBlind { blindGroups.insert(group) }
        }
      case .text(let rule):
        withContents(of: entry, index, in: bytes) { scan, contents, range, place in
          guard !rule.holds(for: contents.array(range)) else { return }
          scan.find(
            .record, "does not contain what such a record contains", in: place.name, at: nil)
          scan.search(contents, range, place: place)
        }
      case .extra:
        withContents(of: entry, index, in: bytes) { scan, contents, range, place in
          scan.search(contents, range, place: place)
        }
      case .program:
        programCount += 1
        if programCount == 1 {
          find(
            .program, "contains a TorchScript program, which torch.jit.load compiles",
            in: entry.name,
            at: entry.headerOffset)
        }
      case .folder: break
      case nil:
        find(.record, "is a record that no checkpoint has", in: entry.name, at: entry.headerOffset)
        withContents(of: entry, index, in: bytes) { scan, contents, range, place in
          scan.scanUnknown(contents, range, in: place)
        }
      }
    }
    if index.entry(named: folder + "/version") == nil,
      index.entry(named: folder + "/.data/version") == nil
    {
      find(.record, "the archive has no record \"version\"", in: nil, at: nil)
    }
    if index.entry(named: folder + "/data.pkl") == nil {
      find(.record, "the archive has no record \"data.pkl\"", in: nil, at: nil)
    }
    for group in Set(sizes.keys).union(storages.keys).sorted() {
      let place = "\(folder)/\(group).pkl"
      checkStorages(
        storages[group] ?? [], areAll: !blindGroups.contains(group), in: place,
        against: sizes[group] ?? [:])
    }
  }

  /// Scans a record without a known use: as a pickle if it starts as one or has such a name.
  private mutating func scanUnknown(_ bytes: RawSpan, _ range: Range<Int>, in place: Place) {
    let rest = bytes.extracting(range)
    if rest.has(ZipFormat.fileSignature, at: 0) {
      surveyZip(rest, in: place)
    } else if Self.startsPickle(rest) || ZipName.folded(place.name).string.hasSuffix("pkl") {
      scanRecord(bytes, range, in: place, .init(dialect: .torch))
    } else {
      search(bytes, range, place: place)
    }
  }

  /// Lends the contents of an entry: in place where it is stored, inflated where it is compressed.
  private mutating func withContents(
    of entry: ZipEntry, _ index: ZipIndex, in bytes: RawSpan,
    _ body: (inout FileScan, RawSpan, Range<Int>, Place) -> Void
  ) {
    guard entry.method == .deflated else {
      return body(&self, bytes, entry.dataRange, Place(entry.name))
    }
    let place = Place(entry.name, .record)
    do throws(CheckpointError) {
      let limit = unpackedByteLimit - unpackedByteCount
      let contents = try index.contents(of: entry, in: file, limit: limit)
      unpackedByteCount += contents.count
      body(&self, contents.span.rawBytes, 0..<contents.count, place)
    } catch {
      let code: ScanFinding.Code = error.code == .unsupported ? .limit : .container
      find(code, error.message, in: entry.name, at: error.offset)
      // The part that can be inflated is scanned.
      let partial = Self.inflated(
        bytes, from: entry.dataOffset, limit: unpackedByteLimit - unpackedByteCount)
      unpackedByteCount += partial.count
      scanSequence(partial.span.rawBytes, in: place)
    }
  }

  /// Decompresses a storage to check its size and checksum.
  private mutating func checkCompression(of entry: ZipEntry, _ index: ZipIndex) {
    guard entry.method == .deflated else { return }
    do throws(CheckpointError) {
      guard spend(entry.byteCount) else { return }
      var stream = try RecordStream(entry, in: file, isChecked: !index.checksumsAreOff)
      var chunk = [UInt8](repeating: 0, count: 1 << 16)
      while stream.remaining > 0 {
        var whole = chunk.mutableRawBytes
        var output = whole._mutatingExtracting(0..<min(stream.remaining, 1 << 16))
        try stream.read(into: &output)
      }
      try stream.finish()
    } catch {
      find(.container, error.message, in: entry.name, at: error.offset)
    }
  }

  private mutating func checkChecksum(of entry: ZipEntry, _ index: ZipIndex, in bytes: RawSpan) {
    // The checksums of compressed entries are checked when they are inflated.
    guard !index.checksumsAreOff, entry.method == .stored else { return }
    var checksum = Checksum()
    var start = entry.dataRange.lowerBound
    while start < entry.dataRange.upperBound {
      let end = min(start + MappedPart.pieceByteCount, entry.dataRange.upperBound)
      checksum.update(bytes.extracting(start..<end))
      memory?.forget(start..<end)
      start = end
    }
    guard checksum.value != entry.checksum else { return }
    find(.container, "the checksum does not match", in: entry.name, at: entry.dataOffset)
  }
}

extension String.UTF8View {
  /// Whether the text ends with these bytes. `hasSuffix` compares characters.
  fileprivate func ends(with suffix: String) -> Bool {
    self.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
  }
}
