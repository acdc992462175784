// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Tensors
internal import ZipArchive

extension FileScan {
  /// Checks the fields of an entry's headers that have no meaning of their own: they may only contain
  /// torch's padding and 64-bit sizes.
  mutating func checkSurroundings(of entry: ZipEntry, in bytes: RawSpan) {
    let nameCount = entry.name.utf8.count
    let localExtra =
      entry.headerOffset + ZipFormat.localHeaderByteCount + nameCount..<entry.dataOffset
    checkExtra(localExtra, of: entry, in: bytes)
    let extraStart = entry.indexOffset + ZipFormat.centralEntryByteCount + nameCount
    guard let extraCount = Self.number(bytes, at: entry.indexOffset + 30),
      let commentCount = Self.number(bytes, at: entry.indexOffset + 32)
    else { return }
    checkExtra(extraStart..<extraStart + extraCount, of: entry, in: bytes)
    guard commentCount > 0 else { return }
    let comment = extraStart + extraCount..<extraStart + extraCount + commentCount
    find(
      .unaccounted, "\(commentCount) bytes of comment are in the zip index", in: entry.name,
      at: comment.lowerBound)
    search(bytes, comment)
  }

  private mutating func checkExtra(_ range: Range<Int>, of entry: ZipEntry, in bytes: RawSpan) {
    var place = range.lowerBound
    while place < range.upperBound {
      guard let kind = Self.number(bytes, at: place), let count = Self.number(bytes, at: place + 2),
        count <= range.upperBound - place - 4
      else { break }
      let field = place + 4..<place + 4 + count
      let isKnown =
        kind == 1 && count <= 28
        || kind == 0x4246 && field.allSatisfy { bytes.byte(at: $0) == UInt8(ascii: "Z") }
        || Self.isStamp(kind, bytes, field)
      guard isKnown else { break }
      place = field.upperBound
    }
    guard place < range.upperBound else { return }
    find(
      .unaccounted,
      (range.upperBound - place).counting("byte", "are")
        + " in a header without a known use",
      in: entry.name, at: place)
    search(bytes, range)
  }

  /// Whether a field has the times or the owner of a file, as Info-ZIP and Windows write them.
  private static func isStamp(_ kind: Int, _ bytes: RawSpan, _ field: Range<Int>) -> Bool {
    func byte(_ place: Int) -> UInt8 { bytes.byte(at: field.lowerBound + place) }
    switch kind {
    case 0x5455:  // Times: flags, and four bytes for each time.
      return [1, 5, 9, 13].contains(field.count) && byte(0) < 8
    case 0x7875:  // Owner: a version, and two numbers after their lengths.
      guard field.count == 11 else { return false }
      return byte(0) == 1 && byte(1) == 4 && byte(6) == 4
    case 0x000A:  // Times of NTFS: four unused bytes, and three times in an attribute.
      guard field.count == 32 else { return false }
      return (0..<4).allSatisfy { byte($0) == 0 } && byte(4) == 1 && byte(5) == 0
        && byte(6) == 24 && byte(7) == 0
    default: return false
    }
  }

  /// The 16-bit number at an offset in a header.
  private static func number(_ bytes: RawSpan, at place: Int) -> Int? {
    guard place >= 0, place <= bytes.byteCount - 2 else { return nil }
    return Int(bytes.byte(at: place)) | Int(bytes.byte(at: place + 1)) << 8
  }

  // MARK: Archives that contradict themselves

  /// A record by one of its headers, whose claims are not trusted.
  private struct Claim: Hashable {
    var dataStart: Int
    var isDeflated: Bool
  }

  /// Scans every record that any header of a damaged archive claims, and then all other bytes.
  mutating func surveyZip(_ bytes: RawSpan, in place: Place) {
    var claims: [Claim: String] = [:]
    var order: [Claim] = []
    var isTorchScript = false
    for start in 0..<max(0, bytes.byteCount - 3)
    where bytes.byte(at: start) == 0x50 && order.count < ScanLimits.names {
      for (claim, name) in Self.claims(bytes, at: start) where claims[claim] == nil {
        claims[claim] = name
        order.append(claim)
        let folded = ZipName.folded(name).string
        if folded.hasSuffix("/constants.pkl") { isTorchScript = true }
      }
    }
    let surroundings = ScanMachine.Surroundings(
      dialect: isTorchScript ? .torchScript : .torch)
    var covered: [Range<Int>] = []
    for claim in order where spend(0) {
      let name = claims[claim] ?? ""
      if claim.isDeflated {
        let limit = unpackedByteLimit - unpackedByteCount
        let contents = Self.inflated(bytes, from: claim.dataStart, limit: limit)
        unpackedByteCount += contents.count
        guard Self.isWorthScanning(name, contents.span.rawBytes) else { continue }
        scanSequence(contents.span.rawBytes, in: Place(name, .record, depth: place.depth))
      } else {
        let rest = bytes.extracting(claim.dataStart..<bytes.byteCount)
        guard Self.isWorthScanning(name, rest) else { continue }
        let recordPlace = Place(name, place.base, depth: place.depth)
        let (_, end) = scanPickle(bytes, at: claim.dataStart, in: recordPlace, surroundings)
        covered.append(claim.dataStart..<end)
        _ = spend(end - claim.dataStart)
      }
    }
    var start = 0
    for range in covered.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if start < range.lowerBound { search(bytes, start..<range.lowerBound) }
      start = max(start, range.upperBound)
    }
    search(bytes, start..<bytes.byteCount)
  }

  private static func isWorthScanning(_ name: String, _ bytes: RawSpan) -> Bool {
    startsPickle(bytes) || ZipName.folded(name).string.hasSuffix("pkl")
  }

  /// The records that the header at an offset claims: a local header, or a line of the index, which
  /// counts as two records if it contradicts the local header about compression.
  private static func claims(_ bytes: RawSpan, at start: Int) -> [(Claim, String)] {
    if bytes.has(ZipFormat.fileSignature, at: start) {
      return claim(bytes, local: start, method: nil).map { [$0] } ?? []
    }
    guard Self.isIndexLine(bytes, at: start),
      let low = number(bytes, at: start + 42), let high = number(bytes, at: start + 44),
      let method = number(bytes, at: start + 10)
    else { return [] }
    let local = low | high << 16
    guard bytes.has(ZipFormat.fileSignature, at: local) else { return [] }
    return claim(bytes, local: local, method: method).map { [$0] } ?? []
  }

  private static func isIndexLine(_ bytes: RawSpan, at start: Int) -> Bool {
    guard start + ZipFormat.centralEntryByteCount <= bytes.byteCount else { return false }
    var reader = ByteReader(bytes.extracting(start..<start + 4))
    return (try? reader.readLittleEndian(UInt32.self)) == ZipFormat.centralEntrySignature
  }

  private static func claim(
    _ bytes: RawSpan, local: Int, method: Int?
  ) -> (Claim, String)? {
    guard let localMethod = number(bytes, at: local + 8),
      let nameCount = number(bytes, at: local + 26), let extraCount = number(bytes, at: local + 28)
    else { return nil }
    let nameStart = local + ZipFormat.localHeaderByteCount
    let dataStart = nameStart + nameCount + extraCount
    guard dataStart < bytes.byteCount else { return nil }
    let name = String(decoding: bytes.array(nameStart..<nameStart + nameCount), as: UTF8.self)
    return (Claim(dataStart: dataStart, isDeflated: (method ?? localMethod) == 8), name)
  }

  /// The part of compressed bytes that can be inflated, up to a limit.
  static func inflated(_ bytes: RawSpan, from start: Int, limit: Int) -> [UInt8] {
    guard limit > 0, var inflater = try? Inflater() else { return [] }
    var result: [UInt8] = []
    var place = start
    while !inflater.isAtEnd, place < bytes.byteCount, result.count < limit {
      var chunk = [UInt8](repeating: 0, count: min(1 << 16, limit - result.count))
      var output = chunk.mutableRawBytes
      let input = bytes.extracting(place..<min(bytes.byteCount, place + (1 << 16)))
      guard let step = try? inflater.inflate(input, into: &output),
        step.consumed + step.produced > 0
      else { break }
      place += step.consumed
      result += chunk[..<step.produced]
    }
    return result
  }
}
