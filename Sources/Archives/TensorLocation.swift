// SPDX-License-Identifier: Apache-2.0

/// The location of a tensor's data, and how it is read.
public struct TensorLocation: Sendable, Hashable {
  /// How the bytes of the file become the tensor's data.
  public enum Access: String, Sendable {
    /// They are the data, in one range.
    case contiguous
    /// The elements are gathered from several places, or each is changed.
    case gathered
    /// They are decompressed.
    case compressed
  }

  /// The file.
  public let path: String
  /// How the bytes become the data.
  public let access: Access
  /// The bytes in the file; nil unless they are contiguous.
  public let range: Range<Int>?

  /// Describes data that the file contains unchanged.
  public init(path: String, range: Range<Int>) {
    self.path = path
    self.access = .contiguous
    self.range = range
  }

  /// Describes data that is gathered or decompressed.
  public init(path: String, access: Access) {
    self.path = path
    self.access = access
    self.range = nil
  }
}
