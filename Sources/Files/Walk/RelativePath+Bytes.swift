internal import SystemPackage

extension RelativePath {
  /// The directory itself.
  public static let root = RelativePath(FilePath(""))

  /// The path of these bytes, up to a NUL.
  public init(bytes: some Sequence<UInt8>) {
    var characters = bytes.map { CInterop.PlatformChar(bitPattern: $0) }
    characters.append(0)
    self.init(FilePath(platformString: characters))
  }

  /// The bytes of the path as the file system has them.
  public var bytes: [UInt8] {
    // SAFETY: the string is NUL-terminated and read before the closure returns.
    unsafe path.withPlatformString { characters in
      var bytes: [UInt8] = []
      bytes.reserveCapacity(path.length)
      for place in 0..<path.length {
        bytes.append(UInt8(bitPattern: unsafe characters[place]))
      }
      return bytes
    }
  }

  /// Whether the path is valid UTF-8, so that `string` is the path itself.
  public var isText: Bool { String(validating: path) != nil }

  /// The directory that holds it; the directory itself for a bare name.
  public var parent: RelativePath { RelativePath(path.removingLastComponent()) }

  /// The path as text, below a directory; only for messages where it is not UTF-8.
  public func string(in directory: String) -> String {
    FilePath(directory).pushing(path).string
  }

  /// A path below this one.
  func appending(name: some Sequence<UInt8>) -> RelativePath {
    RelativePath(path.pushing(RelativePath(bytes: name).path))
  }

  /// The path beside this one with another last name.
  public func replacingName(with name: some Sequence<UInt8>) -> RelativePath {
    parent.appending(name: name)
  }
}
