/// Where the data of a tensor stands, and what must be done to have it as it is shown.
public struct TensorLocation: Sendable, Hashable {
  /// What must be done to the bytes of the file.
  public enum Access: String, Sendable {
    /// Nothing: they stand one after another.
    case contiguous
    /// The elements stand apart and are gathered, or each is changed on the way.
    case gathered
    /// They are compressed.
    case compressed
  }

  /// The file.
  public let path: String
  /// What must be done.
  public let access: Access
  /// The bytes in the file; nil unless they are contiguous.
  public let range: Range<Int>?

  /// Data that stands in the file as it is.
  public init(path: String, range: Range<Int>) {
    self.path = path
    self.access = .contiguous
    self.range = range
  }

  /// Data that must be worked on.
  public init(path: String, access: Access) {
    self.path = path
    self.access = access
    self.range = nil
  }
}
