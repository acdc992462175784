internal import Crypto
public import Tensors

/// Computes the digest of one tensor from its data as the data goes by (spec/digest.md, D2, D3).
public struct TensorHasher: Sendable {
  private var hash = SHA256()
  /// The bytes that are still to come.
  private var rest: Int

  /// Starts with what is known before the data: name, dtype and shape.
  ///
  /// - Complexity: O(length of the name + rank).
  public init(_ tensor: TensorInfo) {
    rest = tensor.byteCount
    hash.update(DigestEncoding.head(of: tensor).span.rawBytes)
  }

  /// Takes the next bytes of the data: row-major, little endian, in pieces of any size. More than
  /// the tensor has are a caller's bug and trap.
  ///
  /// - Complexity: O(bytes), no allocation.
  public mutating func update(_ bytes: RawSpan) {
    precondition(bytes.byteCount <= rest, "more data than the tensor has")
    rest -= bytes.byteCount
    hash.update(bytes)
  }

  /// The digest. Data that is missing is a caller's bug and traps.
  public consuming func finish() -> TensorDigest {
    precondition(rest == 0, "the data of the tensor is not complete")
    return TensorDigest(bytes: hash.finish())
  }
}

extension SHA256 {
  /// The 32 bytes.
  consuming func finish() -> [UInt8] {
    // SAFETY: the buffer is copied before the closure returns.
    unsafe finalize().withUnsafeBytes { unsafe [UInt8]($0) }
  }

  /// Takes the next bytes.
  mutating func update(_ bytes: RawSpan) {
    // SAFETY: the buffer is read before the closure returns.
    unsafe bytes.withUnsafeBytes { buffer in
      unsafe update(bufferPointer: buffer)
    }
  }
}
