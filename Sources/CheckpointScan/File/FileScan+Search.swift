// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import Tensors
internal import ZipArchive

extension FileScan {
  /// The number of bytes that a hidden pickle is followed for.
  private static let searchWindow = 1 << 20

  /// Searches bytes that the format does not account for, and lists the pickles in them that import
  /// something. Random bytes are hardly ever such a pickle.
  mutating func search(_ bytes: RawSpan, _ range: Range<Int>, place: Place? = nil) {
    var start = range.lowerBound
    while start < range.upperBound, hasWorkLeft {
      guard mayStartPickle(bytes, at: start, before: range.upperBound) else {
        start += 1
        continue
      }
      let place = place ?? Place("bytes at \(start)")
      var machine = ScanMachine(
        ScannedPickle(place: place.name, offsetBase: place.base, offset: start),
        in: .init(dialect: .torch))
      machine.pickle.isFoundBySearch = true
      let window = min(range.upperBound, start + Self.searchWindow)
      let count = machine.run(bytes.extracting(start..<window))
      // A number or name without an end is looked for up to the end of the window.
      _ = spend(machine.findings.last?.code == .truncated ? window - start : count)
      if machine.pickle.names.contains(where: { Self.isPlausible($0) }) {
        find(.extraPickle, "a pickle is where none belongs", in: place.name, at: start)
        add(machine, depth: place.depth)
        start += max(count, 1)
      } else {
        start += 1
      }
    }
  }

  /// Counts work, so that the search ends even in a file that was made to be searched forever.
  ///
  /// - Returns: whether work is left.
  mutating func spend(_ byteCount: Int) -> Bool {
    guard work > 0 else { return false }
    work -= max(byteCount, 1)
    if work <= 0 { find(.limit, "hides more than a scan follows", in: nil, at: nil) }
    return work > 0
  }

  private var hasWorkLeft: Bool { work > 0 }

  /// Whether a pickle may start here: PROTO and a known protocol, or GLOBAL and a possible module.
  private func mayStartPickle(_ bytes: RawSpan, at start: Int, before end: Int) -> Bool {
    switch bytes.byte(at: start) {
    case 0x80: start + 1 < end && bytes.byte(at: start + 1) <= PickleDecoder.highestProtocol
    case UInt8(ascii: "c"), UInt8(ascii: "i"):
      Self.isLine(bytes, at: start + 1, before: end)
        .flatMap { Self.isLine(bytes, at: $0, before: end) } != nil
    default: false
    }
  }

  /// Whether a dotted Python name and a newline are at an offset.
  ///
  /// - Returns: the offset after the newline.
  private static func isLine(_ bytes: RawSpan, at start: Int, before end: Int) -> Int? {
    var place = start
    while place < end, place - start < 256 {
      let byte = bytes.byte(at: place)
      if byte == 0x0A { return place > start ? place + 1 : nil }
      guard isIdentifier(byte) else { return nil }
      place += 1
    }
    return nil
  }

  private static func isIdentifier(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x2E: true
    default: false
    }
  }

  private static func isPlausible(_ name: ScannedName) -> Bool {
    guard let module = name.module?.utf8, let attribute = name.name?.utf8 else { return false }
    return !module.isEmpty && !attribute.isEmpty && module.allSatisfy { isIdentifier($0) }
      && attribute.allSatisfy { isIdentifier($0) }
  }

  /// Scans the pickles in strings of pickles, and those in their strings, up to a limit.
  mutating func scanPending() {
    while let nested = pending.popLast() {
      unpackedByteCount += nested.bytes.count
      guard nested.depth <= ScanLimits.nesting, unpackedByteCount <= unpackedByteLimit else {
        find(.limit, "pickles are nested too deeply to follow", in: nested.place, at: nil)
        continue
      }
      let bytes = nested.bytes.span.rawBytes
      let place = Place(nested.place, .string, depth: nested.depth)
      if bytes.has(ZipFormat.fileSignature, at: 0) {
        surveyZip(bytes, in: place)
      } else {
        scanSequence(bytes, in: place)
      }
    }
  }

  /// Scans consecutive pickles, and the bytes after the last.
  mutating func scanSequence(_ bytes: RawSpan, in place: Place) {
    var start = 0
    while start < bytes.byteCount, report.pickleCount <= ScanLimits.pickles {
      let rest = bytes.extracting(start..<bytes.byteCount)
      guard start == 0 || Self.startsPickle(rest) else { break }
      let (machine, end) = scanPickle(
        bytes, at: start, in: place, .init(dialect: .torch))
      guard end > start else { break }
      start = end
      if !machine.pickle.isComplete { break }
    }
    search(bytes, start..<bytes.byteCount, place: place)
  }
}
