// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Files
public import Tensors

/// The SHA-256 of a tensor's name, dtype, shape and data (spec/digest.md, D2).
public struct TensorDigest: Hashable, Sendable {
  /// The 32 bytes.
  public let bytes: [UInt8]

  init(bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// Reads the data of a tensor and computes its digest.
  ///
  /// - Throws: what `TensorArchive.readTensor(at:to:)` throws.
  /// - Complexity: O(bytes of the tensor), in constant memory.
  public init(of archive: any TensorArchive, at index: Int) throws(CheckpointError) {
    let tensor = archive.tensor(at: index)
    var hasher = TensorHasher(tensor)
    do throws(CheckpointError) {
      try archive.readTensor(at: index) { piece throws(CheckpointError) in hasher.update(piece) }
    } catch {
      throw error.naming(tensor: tensor.name).inFile(archive.path)
    }
    self = hasher.finish()
  }

  /// The bytes as 64 hexadecimal digits, in lower case.
  public var hexadecimal: String { Hexadecimal.text(of: bytes) }
}

extension TensorDigest: CustomStringConvertible {
  /// `sha256:` and the hexadecimal digits.
  public var description: String { Hexadecimal.prefix + hexadecimal }
}
