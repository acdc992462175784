// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// The layout of a GGUF file that is to be written (spec/gguf.md, GG20 to GG24).
///
/// For the same keys and tensors the bytes are those of gguf's own writer.
public struct GGUFLayout: Sendable {
  /// The header, with the padding after it.
  public let prefix: [UInt8]
  /// The range of each tensor's data in the file, in the order of the tensors. The bytes between them
  /// are zeros.
  public let ranges: [Range<Int>]
  /// The size of the whole file in bytes.
  public let byteCount: Int

  /// Plans a file of tensors in their order.
  ///
  /// - Parameters:
  ///   - tensors: the tensors.
  ///   - metadata: the metadata; text without a typed value becomes a string.
  ///   - values: typed values, each in place of the metadata's of the same key, or after all of it.
  /// - Throws: `malformed` or `unsupported`, naming the tensor, for what the format cannot hold.
  /// - Complexity: O(tensors + metadata).
  public init(
    tensors: [TensorInfo], metadata: ArchiveMetadata?,
    values: [(key: String, value: GGUFValue)] = []
  ) throws(CheckpointError) {
    var metadata = metadata ?? ArchiveMetadata()
    for (key, value) in values {
      metadata.replace(ArchiveMetadata.Entry(key: UTF8Text(key), value: value))
    }
    let alignment = try Self.alignment(of: metadata)
    var header = GGUFHeader.magic
    header.appendLittleEndian(Self.version)
    header.appendLittleEndian(UInt64(tensors.count))
    header.appendLittleEndian(UInt64(metadata.entries.count))
    for entry in metadata.entries {
      header.appendGGUF(entry.key.string.utf8)
      header += entry.ggufBytes
    }
    let offsets = try Self.append(tensors, alignment: alignment, to: &header)
    guard header.count <= GGUFCursor.largestHeader else {
      throw CheckpointError(
        .unsupported,
        "the header would take \(header.count) bytes, more than the \(GGUFCursor.largestHeader) supported"
      )
    }
    let start = GGUFData.aligned(header.count, to: alignment)
    header.append(contentsOf: repeatElement(0, count: start - header.count))
    let end = GGUFData.aligned(offsets.last?.upperBound ?? 0, to: alignment)
    let (sum, overflow) = start.addingReportingOverflow(end)
    guard !overflow else {
      throw CheckpointError(.unsupported, "the file would take 2^63 bytes or more")
    }
    prefix = header
    ranges = offsets.map { start + $0.lowerBound..<start + $0.upperBound }
    byteCount = sum
  }

  private static let version: UInt32 = 3

  /// The alignment that a reader of the file will take.
  private static func alignment(of metadata: ArchiveMetadata) throws(CheckpointError) -> Int {
    let key = UTF8Text(GGUFHeader.alignmentKey)
    guard let entry = metadata.entries.first(where: { $0.key == key }) else {
      return GGUFHeader.defaultAlignment
    }
    let bytes = entry.ggufBytes
    var cursor = ByteReader(bytes.span.rawBytes)
    guard try cursor.readLittleEndian(UInt32.self) == GGUFValueType.uint32.rawValue else {
      return try GGUFHeader.alignment(.string(entry.value))
    }
    return try GGUFHeader.alignment(.uint32(cursor.readLittleEndian(UInt32.self)))
  }

  /// Appends the descriptions of the tensors.
  ///
  /// - Returns: the place of each in the data section.
  private static func append(
    _ tensors: [TensorInfo], alignment: Int, to header: inout [UInt8]
  ) throws(CheckpointError) -> [Range<Int>] {
    var offsets: [Range<Int>] = []
    offsets.reserveCapacity(tensors.count)
    var names: Set<TensorName> = []
    names.reserveCapacity(tensors.count)
    var end = 0
    for tensor in tensors {
      guard names.insert(tensor.name).inserted else {
        throw CheckpointError(.malformed, "duplicate tensor name", tensor: tensor.name)
      }
      guard tensor.shape.rank <= GGUFHeader.mostDimensions else {
        throw CheckpointError(
          .unsupported,
          "has \(tensor.shape.rank) dimensions, and GGUF allows \(GGUFHeader.mostDimensions)",
          tensor: tensor.name)
      }
      guard let number = tensor.dtype.ggufNumber else {
        throw CheckpointError(
          .unsupported, "GGUF has no tensors of \(tensor.dtype)", tensor: tensor.name)
      }
      let start = GGUFData.aligned(end, to: alignment)
      let (next, overflow) = start.addingReportingOverflow(tensor.byteCount)
      guard !overflow else {
        throw CheckpointError(.unsupported, "the file would take 2^63 bytes or more")
      }
      end = next
      header.appendGGUF(tensor.name.string.utf8)
      header.appendLittleEndian(UInt32(tensor.shape.rank))
      for extent in tensor.shape.dimensions.reversed() {
        header.appendLittleEndian(UInt64(extent))
      }
      header.appendLittleEndian(number)
      header.appendLittleEndian(UInt64(start))
      offsets.append(start..<end)
    }
    return offsets
  }
}

extension ArchiveMetadata {
  /// Puts an entry in the place of the one with its key, or at the end.
  fileprivate mutating func replace(_ entry: Entry) {
    let place = entries.firstIndex { $0.key == entry.key }
    self = ArchiveMetadata(
      place.map { entries[..<$0] + [entry] + entries[($0 + 1)...] }.map(Array.init)
        ?? entries + [entry])
  }
}
