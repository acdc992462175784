// SPDX-License-Identifier: Apache-2.0
internal import Tensors
internal import ZipArchive

/// A member of an npz archive, as Python's zipfile writes it to a stream: sizes and checksum follow
/// the data.
struct NpzRecord: Sendable {
  /// The zip headers around the data.
  let header: ZipRecordHeader
  /// The array, header and data.
  let array: NpyLayout

  /// The largest number that Python's zipfile writes in 32 bits in the directory.
  static let largestNarrow = 0x7FFF_FFFF
  /// The field "version made by": Unix, version 4.5.
  private static let madeBy: UInt16 = 0x032D
  /// The size in bytes of the extra field before the data: two 64-bit numbers.
  private static let extraByteCount = 20
  /// The size in bytes of the descriptor that follows the data.
  private static let descriptorByteCount = 24

  /// Plans a member.
  ///
  /// - Throws: `unsupported` for names that zip archives cannot hold and tensors that NumPy cannot,
  ///   naming the tensor.
  init(_ tensor: TensorInfo, compression: NpzCompression) throws(CheckpointError) {
    let path = tensor.name.string + NumPyContents.suffix
    let units = Array(path.utf8)
    if let problem = ZipName.problem(of: units) {
      throw CheckpointError(
        .unsupported, "a member of an archive cannot have this name: \(problem)",
        tensor: tensor.name)
    }
    guard units.count <= UInt16.max else {
      throw CheckpointError(
        .unsupported, "the name is too long for a member of an archive", tensor: tensor.name)
    }
    let isASCII = units.allSatisfy { $0 < 0x80 }
    header = ZipRecordHeader(
      path: path, flags: ZipFormat.descriptorFlag | (isASCII ? 0 : ZipFormat.utf8Flag),
      method: compression == .stored ? .stored : .deflated, versionNeeded: 45,
      versionMadeBy: Self.madeBy,
      date: 0x21,  // 1980-01-01
      externalAttributes: 0o600 << 16)
    array = try NpyLayout(tensor)
  }

  /// The bytes before the array.
  var localHeader: [UInt8] {
    var extra: [UInt8] = []
    extra.appendZip64Extra([0, 0])
    return header.localHeader(sizes: .max, extra: extra)
  }

  /// The size of `localHeader` in bytes.
  var localHeaderByteCount: Int {
    ZipFormat.localHeaderByteCount + header.path.utf8.count + Self.extraByteCount
  }

  /// The size in bytes without the directory entry, when it is uncompressed; nil beyond 2^63.
  var storedByteCount: Int? {
    let (sum, overflow) = array.byteCount.addingReportingOverflow(
      localHeaderByteCount + Self.descriptorByteCount)
    return overflow ? nil : sum
  }

  /// The descriptor that follows the data.
  static func descriptor(_ written: Written, byteCount: Int) -> [UInt8] {
    ZipRecordHeader.descriptor(
      checksum: written.checksum, storedByteCount: written.storedByteCount,
      byteCount: byteCount, isWide: true)
  }

  /// Appends the directory entry.
  func appendCentralEntry(_ written: Written, to bytes: inout [UInt8]) {
    var numbers: [UInt64] = []
    let isLarge = max(written.storedByteCount, array.byteCount) > Self.largestNarrow
    if isLarge { numbers += [UInt64(array.byteCount), UInt64(written.storedByteCount)] }
    let isFar = written.headerOffset > Self.largestNarrow
    if isFar { numbers.append(UInt64(written.headerOffset)) }
    var extra: [UInt8] = []
    extra.appendZip64Extra(numbers)
    header.appendCentralEntry(
      checksum: written.checksum,
      storedByteCount: isLarge ? .max : UInt32(written.storedByteCount),
      byteCount: isLarge ? .max : UInt32(array.byteCount),
      headerOffset: isFar ? .max : UInt32(written.headerOffset), extra: extra, to: &bytes)
  }

  /// The properties of a member that are known once it is written.
  struct Written: Sendable {
    let headerOffset: Int
    let storedByteCount: Int
    let checksum: UInt32
  }

  /// The bytes from the directory, which starts at `offset`, to the end of the file.
  static func directory(of records: [NpzRecord], _ written: [Written], at offset: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    for (record, written) in zip(records, written) {
      record.appendCentralEntry(written, to: &bytes)
    }
    let isWide =
      records.count > UInt16.max || offset > largestNarrow || bytes.count > largestNarrow
    return bytes
      + ZipTrailer.bytes(
        recordCount: records.count, directory: offset..<offset + bytes.count,
        wideMadeBy: isWide ? 45 : nil)
  }
}
