// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The data section of a GGUF file (spec/gguf.md, GG11 to GG13).
struct GGUFData {
  /// The offset of the section in the file.
  let start: Int
  /// The alignment of each tensor's data, in bytes: a power of two.
  let alignment: Int

  /// The next multiple of an alignment; the largest number when that exceeds 64 bits.
  static func aligned(_ offset: Int, to alignment: Int) -> Int {
    let (sum, overflow) = offset.addingReportingOverflow(alignment - 1)
    return overflow ? Int.max : sum & ~(alignment - 1)
  }

  /// The places of tensors in the file: one after another in the order of their descriptions, each at
  /// the next multiple of the alignment.
  ///
  /// - Throws: `malformed`, with the tensor and the byte of its description, for data at another place
  ///   and for bytes of no tensor; `truncated` when the file ends before the data does.
  func placed(
    _ descriptions: [GGUFDescription], fileByteCount: Int
  ) throws(CheckpointError) -> [GGUFHeader.Tensor] {
    var tensors: [GGUFHeader.Tensor] = []
    tensors.reserveCapacity(descriptions.count)
    var end = 0
    for description in descriptions {
      do throws(CheckpointError) {
        let tensor = try placed(description, after: end)
        end = tensor.info.dataOffsets?.upperBound ?? end
        tensors.append(tensor)
      } catch {
        throw CheckpointError(
          error.code, error.message, tensor: description.name, offset: description.offset)
      }
    }
    // Sums were checked above; a file without tensors may end with its header.
    let needed = tensors.isEmpty ? 0 : start + end
    guard needed <= fileByteCount else { throw truncation(tensors, needed, fileByteCount) }
    let padded = Self.aligned(start + end, to: alignment)
    guard fileByteCount <= padded else {
      throw .malformed(
        (fileByteCount - padded).counting("byte", "follow") + " the data of all tensors",
        at: padded)
    }
    return tensors
  }

  private func placed(
    _ description: GGUFDescription, after end: Int
  ) throws(CheckpointError) -> GGUFHeader.Tensor {
    let byteCount = try description.shape.byteCount(of: description.dtype)
    let place = Self.aligned(end, to: alignment)
    let offset = description.dataOffset
    guard offset.isMultiple(of: UInt64(alignment)) else {
      throw .malformed("its data begins at \(offset), not at a multiple of \(alignment)")
    }
    guard offset >= UInt64(end) else {
      throw .malformed(
        "its data begins at \(offset), inside that of another tensor, which ends at \(end)")
    }
    guard offset == UInt64(place) else {
      throw .malformed(
        "its data begins at \(offset), but the bytes from \(place) on belong to no tensor")
    }
    let (dataEnd, overflow) = place.addingReportingOverflow(byteCount)
    guard !overflow, dataEnd <= Int.max - start - alignment else {
      throw .malformed("its data ends beyond 2^63 bytes")
    }
    return GGUFHeader.Tensor(
      info: TensorInfo(
        name: description.name, dtype: description.dtype, shape: description.shape,
        byteCount: byteCount, dataOffsets: place..<dataEnd),
      range: start + place..<start + dataEnd)
  }

  /// The error for a file that was cut off, with the first tensor whose data is not all there.
  private func truncation(
    _ tensors: [GGUFHeader.Tensor], _ needed: Int, _ fileByteCount: Int
  ) -> CheckpointError {
    let cut = tensors.filter { $0.range.upperBound > fileByteCount }
    return CheckpointError(
      .truncated,
      "ends too early: the tensors take \(needed - start) bytes, "
        + "\(max(0, fileByteCount - start)) follow the header, too few for \(cut.count) of "
        + "\(tensors.count) tensors, from this one on",
      tensor: cut.first?.info.name,
      hint: "the file is probably an incomplete download; download it again")
  }
}
