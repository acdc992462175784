// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The hashed bytes other than data (spec/digest.md, D2 and D4).
enum DigestEncoding {
  /// The first bytes of a tensor's digest, so that it cannot equal the digest of other data.
  static let tensorMark: StaticString = "peftkit-tensor-1\n"
  /// The first bytes of a checkpoint's digest.
  static let checkpointMark: StaticString = "peftkit-checkpoint-1\n"

  /// The bytes before the data of a tensor. Each part gives its length, so that different tensors
  /// never have the same bytes.
  static func head(of tensor: TensorInfo) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(64 + tensor.name.string.utf8.count + 8 * tensor.shape.rank)
    bytes += tensorMark.description.utf8
    append(text: tensor.name.string, to: &bytes)
    append(text: tensor.dtype.name, to: &bytes)
    bytes.appendLittleEndian(UInt64(tensor.shape.rank))
    for extent in tensor.shape.dimensions { bytes.appendLittleEndian(UInt64(extent)) }
    return bytes
  }

  private static func append(text: String, to bytes: inout [UInt8]) {
    bytes.appendLittleEndian(UInt64(text.utf8.count))
    bytes += text.utf8
  }
}
