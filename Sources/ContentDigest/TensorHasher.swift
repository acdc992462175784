// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// Computes the digest of a tensor from pieces of its data (spec/digest.md, D2, D3).
public struct TensorHasher: Sendable {
  private var hash = SHA256Hash()
  /// The number of bytes that are missing.
  private var rest: Int

  /// Starts with the name, dtype and shape.
  ///
  /// - Complexity: O(length of the name + number of dimensions).
  public init(_ tensor: TensorInfo) {
    rest = tensor.byteCount
    hash.update(DigestEncoding.head(of: tensor).span.rawBytes)
  }

  /// Adds the next bytes of the data: row-major, little endian, in pieces of any size. More bytes than
  /// the tensor has trap.
  ///
  /// - Complexity: O(bytes), no allocation.
  public mutating func update(_ bytes: RawSpan) {
    precondition(bytes.byteCount <= rest, "more data than the tensor has")
    rest -= bytes.byteCount
    hash.update(bytes)
  }

  /// Returns the digest. Missing data traps.
  public consuming func finish() -> TensorDigest {
    precondition(rest == 0, "the data of the tensor is not complete")
    return TensorDigest(bytes: hash.finish())
  }
}
