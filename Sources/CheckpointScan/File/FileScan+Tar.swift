// SPDX-License-Identifier: Apache-2.0
internal import Pickle
internal import TorchCheckpoint
internal import Tensors

extension FileScan {
  /// Whether bytes start as tar archives do.
  static func isTar(_ bytes: RawSpan) -> Bool {
    header(bytes, at: 0) != nil
  }

  private static func header(_ bytes: RawSpan, at start: Int) -> TarHeader? {
    guard bytes.byteCount - start >= TarHeader.blockByteCount else { return nil }
    return try? TarHeader(bytes.array(start..<start + TarHeader.blockByteCount), at: start)
  }

  /// Scans the tar archive of torch's first releases: four members, two of which contain pickles among
  /// raw numbers.
  mutating func scanTar(_ bytes: RawSpan) {
    guard Self.firstMember(bytes).map({ TarMembers.names.contains($0) }) ?? true else {
      return scanOtherTar(bytes)
    }
    report.format = .torchTar
    do throws(CheckpointError) {
      let members = try TarMembers(file)
      for name in TarMembers.names { _ = try members.range(of: name) }
    } catch {
      find(.container, error.message, in: nil, at: error.offset)
    }
    var start = 0
    while let header = Self.header(bytes, at: start) {
      let dataStart = start + TarHeader.blockByteCount
      accountForZeros(bytes, start + 157..<start + 257)
      accountForZeros(bytes, start + 345..<dataStart)
      let end = dataStart + min(header.byteCount, bytes.byteCount - dataStart)
      scanMember(header.name, header.type, bytes, dataStart..<end)
      start = min((end + 511) / 512 * 512, bytes.byteCount)
      accountForZeros(bytes, end..<start)
    }
    accountForZeros(bytes, start..<bytes.byteCount)
  }

  /// The name of the first member, which an extended header may precede.
  private static func firstMember(_ bytes: RawSpan) -> String? {
    guard let header = header(bytes, at: 0) else { return nil }
    guard header.type == UInt8(ascii: "x") || header.type == UInt8(ascii: "g") else {
      return header.name
    }
    guard header.byteCount <= bytes.byteCount else { return nil }
    return Self.header(bytes, at: (header.byteCount + 511) / 512 * 512 + 512)?.name
  }

  /// Scans an archive of other files, member by member, and what is between them.
  private mutating func scanOtherTar(_ bytes: RawSpan) {
    report.format = .tar
    find(.unrecognized, "is a tar archive of other files, not a checkpoint", in: nil, at: nil)
    var start = 0
    while let header = Self.header(bytes, at: start) {
      let dataStart = start + TarHeader.blockByteCount
      search(bytes, start..<dataStart)
      let end = dataStart + min(header.byteCount, bytes.byteCount - dataStart)
      let place = Place(header.name)
      let member = bytes.extracting(0..<end)
      if Self.startsPickle(bytes.extracting(dataStart..<end)) {
        let (_, pickleEnd) = scanPickle(member, at: dataStart, in: place, .init(dialect: .torch))
        scanRest(member, from: pickleEnd, in: place)
      } else {
        search(member, dataStart..<end, place: place)
      }
      start = min((end + 511) / 512 * 512, bytes.byteCount)
      search(bytes, end..<start)
    }
    search(bytes, start..<bytes.byteCount)
  }

  private mutating func accountForZeros(_ bytes: RawSpan, _ range: Range<Int>) {
    guard let place = range.first(where: { bytes.byte(at: $0) != 0 }) else { return }
    find(.unaccounted, "bytes are not zero where the archive has zeros only", in: nil, at: place)
    search(bytes, range)
  }

  private mutating func scanMember(
    _ name: String, _ type: UInt8, _ bytes: RawSpan, _ range: Range<Int>
  ) {
    let place = Place(name)
    switch name {
    case _ where type == UInt8(ascii: "x"): search(bytes, range, place: place)
    case "sys_info": scanRecord(bytes, range, in: place, .init(dialect: .plain))
    case "pickle": scanRecord(bytes, range, in: place, .init(dialect: .torchTar))
    case "storages", "tensors":
      let member = bytes.extracting(0..<range.upperBound)
      var cursor = TarCursor(next: range.lowerBound)
      walk(name, member, &cursor)
      guard cursor.next < range.upperBound else { return }
      find(.unaccounted, "bytes are left that nothing accounts for", in: name, at: cursor.next)
      scanRest(member, from: cursor.next, in: place)
    default:
      find(.record, "is a member that no checkpoint has", in: name, at: range.lowerBound)
      scanRest(bytes.extracting(0..<range.upperBound), from: range.lowerBound, in: place)
    }
  }

  /// The position of the walk through a member.
  private struct TarCursor {
    var next: Int
  }

  private mutating func walk(_ name: String, _ bytes: RawSpan, _ cursor: inout TarCursor) {
    guard case .integer(let count) = scanPart(bytes, &cursor, .plain, in: name)?.result, count >= 0
    else {
      return find(.malformed, "does not start with a number", in: name, at: cursor.next)
    }
    for _ in 0..<count {
      let start = cursor.next
      guard report.pickleCount < ScanLimits.names,
        let machine = scanPart(bytes, &cursor, .names, in: name), let result = machine.result,
        let items = machine.items(of: result).map({ Array($0) }), items.count == 3,
        let byteCount = machine.rawByteCount(after: items, in: name, bytes, at: cursor.next),
        byteCount <= bytes.byteCount - cursor.next
      else { return find(.malformed, "has a damaged entry", in: name, at: start) }
      cursor.next += byteCount
    }
    // The views between storages close their member.
    guard name == "storages" else { return }
    let start = cursor.next
    guard let machine = scanPart(bytes, &cursor, .plain, in: name), case .list = machine.result
    else {
      return find(.malformed, "ends without its list of views", in: name, at: start)
    }
  }

  private mutating func scanPart(
    _ bytes: RawSpan, _ cursor: inout TarCursor, _ dialect: PickleDialect, in name: String
  ) -> ScanMachine? {
    guard cursor.next < bytes.byteCount else { return nil }
    let (machine, end) = scanPickle(
      bytes, at: cursor.next, in: Place(name), .init(dialect: dialect, keepsResult: true))
    cursor.next = end
    return machine.pickle.isComplete ? machine : nil
  }
}

extension ScanMachine {
  /// The number of raw bytes after the description of a storage or tensor; nil for another value.
  fileprivate func rawByteCount(
    after items: [ScanValue], in member: String, _ bytes: RawSpan, at start: Int
  ) -> Int? {
    var reader = ByteReader(bytes.extracting(start..<bytes.byteCount), baseOffset: start)
    // Storages are (key, location, class), tensors (key, storage key, class).
    guard case .name(let index) = items[2], let type = globals[Int(index)],
      case .integer = items[0]
    else { return nil }
    if member == "storages" {
      guard case .text = items[1], type.role == .storageClass, let itemSize = type.dtype?.byteCount,
        let count = try? reader.readLittleEndian(Int64.self), count >= 0,
        let byteCount = Int(count).multipliedWithoutOverflow(by: itemSize)
      else { return nil }
      return byteCount.addingReportingOverflow(8).overflow ? nil : byteCount + 8
    }
    guard case .integer = items[1], type.role == .tensorClass,
      let rank = try? reader.readLittleEndian(Int32.self), (0...64).contains(rank)
    else { return nil }
    return 4 + 4 + 16 * Int(rank) + 8
  }
}
