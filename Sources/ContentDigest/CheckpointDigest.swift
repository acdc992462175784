// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Files
public import Tensors

/// The SHA-256 of all tensors of a checkpoint, independent of its format and their order
/// (spec/digest.md, D4).
public struct CheckpointDigest: Hashable, Sendable {
  /// The 32 bytes.
  public let bytes: [UInt8]

  /// Combines the digests of the tensors of a checkpoint, in any order. Duplicate names trap.
  ///
  /// - Complexity: O(n log n).
  public init(_ tensors: some Sequence<(name: TensorName, digest: TensorDigest)>) {
    let sorted = tensors.sorted { $0.name < $1.name }
    var hash = SHA256Hash()
    hash.update(Array(DigestEncoding.checkpointMark.description.utf8).span.rawBytes)
    for (index, tensor) in sorted.enumerated() {
      precondition(index == 0 || sorted[index - 1].name < tensor.name, "names must be distinct")
      hash.update(tensor.digest.bytes.span.rawBytes)
    }
    bytes = hash.finish()
  }

  /// Reads the data of all tensors and computes the digest. Skipped items do not count.
  ///
  /// - Throws: what `TensorArchive.readTensor(at:to:)` throws; `mismatch` when the file
  ///   changed while it was read.
  /// - Complexity: O(bytes), in constant memory.
  public init(of archive: any TensorArchive) throws(CheckpointError) {
    var tensors: [(name: TensorName, digest: TensorDigest)] = []
    for index in 0..<archive.tensorCount {
      tensors.append((archive.tensor(at: index).name, try TensorDigest(of: archive, at: index)))
    }
    try archive.checkUnchanged()
    self.init(tensors)
  }

  /// The bytes as 64 hexadecimal digits, in lower case.
  public var hexadecimal: String { Hexadecimal.text(of: bytes) }
}

extension CheckpointDigest: CustomStringConvertible {
  /// `sha256:` and the hexadecimal digits.
  public var description: String { Hexadecimal.prefix + hexadecimal }
}
