// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
internal import Tensors

/// A path below a directory, as the bytes of the file system.
///
/// A name that is not valid UTF-8 is kept and still names the same file. Repeated and trailing slashes
/// are removed.
public struct RelativePath: Sendable {
  /// The bytes of the path.
  public let bytes: [UInt8]

  /// The empty path: the directory itself.
  public static let root = RelativePath("")

  private static let slash = UInt8(ascii: "/")

  /// Creates the path with this text.
  public init(_ string: String) {
    self.init(bytes: string.utf8)
  }

  /// Creates the path with these bytes, up to the first NUL.
  public init(bytes: some Sequence<UInt8>) {
    let given = Array(bytes)
    self.bytes = Self.isNormal(given.span) ? given : Self.normalized(given)
  }

  /// Whether the bytes contain no NUL and no redundant slash.
  private static func isNormal(_ bytes: Span<UInt8>) -> Bool {
    var last: UInt8 = 1
    for index in bytes.indices {
      let byte = bytes[index]
      if byte == 0 || (byte == slash && last == slash) { return false }
      last = byte
    }
    return last != slash || bytes.count == 1
  }

  private static func normalized(_ bytes: [UInt8]) -> [UInt8] {
    var kept: [UInt8] = []
    kept.reserveCapacity(bytes.count)
    for byte in bytes {
      if byte == 0 { break }
      if byte != slash || kept.last != slash { kept.append(byte) }
    }
    if kept.count > 1, kept.last == slash { kept.removeLast() }
    return kept
  }

  init(_ path: FilePath) {
    // SAFETY: the string is NUL-terminated and read before the closure returns.
    self = unsafe path.withPlatformString { characters in
      let characters = unsafe UnsafeBufferPointer(start: characters, count: path.length)
      return unsafe RelativePath(bytes: characters.lazy.map { UInt8(bitPattern: $0) })
    }
  }

  private init(normalized bytes: [UInt8]) {
    self.bytes = bytes
  }
}

extension RelativePath: Hashable {
  public static func == (left: Self, right: Self) -> Bool {
    left.bytes.span.hasSameBytes(as: right.bytes.span)
  }

  public func hash(into hasher: inout Hasher) {
    bytes.span.hash(into: &hasher)
  }
}

extension RelativePath {
  /// The path as text, for messages; bytes that are not UTF-8 show as U+FFFD.
  public var string: String { String(decoding: bytes, as: UTF8.self) }

  /// The last component of the path as text.
  public var name: String { String(decoding: nameBytes, as: UTF8.self) }

  /// Whether the last component of the path is this name.
  public func isNamed(_ name: String) -> Bool { nameBytes.span.hasSameBytes(as: name.utf8.span) }

  /// Whether the path has exactly one component.
  public var isTopLevel: Bool { !isEmpty && !bytes.contains(Self.slash) }

  /// Whether the path is that of the directory itself.
  public var isEmpty: Bool { bytes.isEmpty }

  /// Whether the path is valid UTF-8, so that `string` is the path itself.
  public var isText: Bool { String(utf8: bytes.span) != nil }

  /// The path without its last component; `root` for a bare name.
  public var parent: RelativePath {
    guard let slash = bytes.lastIndex(of: Self.slash) else { return .root }
    return RelativePath(normalized: Array(bytes[..<max(slash, 1)]))
  }

  /// The path of an entry in this directory.
  public func appending(_ name: String) -> RelativePath { appending(name: name.utf8) }

  /// The path of an entry in this directory.
  public func appending(name: some Collection<UInt8>) -> RelativePath {
    if isEmpty { return RelativePath(bytes: name) }
    var joined = bytes
    joined.reserveCapacity(bytes.count + 1 + name.count)
    joined.append(Self.slash)
    joined.append(contentsOf: name)
    return RelativePath(bytes: joined)
  }

  /// The path with its last component replaced.
  public func replacingName(with name: some Collection<UInt8>) -> RelativePath {
    parent.appending(name: name)
  }

  /// The path below `directory` as text; if it is not valid UTF-8, for messages only.
  public func string(in directory: String) -> String {
    String(decoding: bytes(in: directory), as: UTF8.self)
  }

  /// The type of the file at this path, following symbolic links; nil when nothing is there or its
  /// status cannot be read.
  public func kind(in directory: String) -> PathKind? {
    switch (try? Stat(filePath(in: directory)))?.type {
    case nil: nil
    case .regular: .file
    case .directory: .directory
    default: .other
    }
  }

  /// Whether anything is at this path, even a broken symbolic link.
  public func exists(in directory: String) -> Bool {
    (try? Stat(filePath(in: directory), followTargetSymlink: false)) != nil
  }

  /// The path for system calls.
  var path: FilePath { Self.filePath(bytes) }

  /// The path below a directory, for system calls.
  func filePath(in directory: String) -> FilePath { Self.filePath(bytes(in: directory)) }

  private var nameBytes: ArraySlice<UInt8> {
    guard let slash = bytes.lastIndex(of: Self.slash) else { return bytes[...] }
    return bytes[(slash + 1)...]
  }

  private func bytes(in directory: String) -> [UInt8] {
    var joined = RelativePath(directory).bytes
    joined.reserveCapacity(joined.count + 1 + bytes.count)
    if !joined.isEmpty, joined.last != Self.slash, !isEmpty { joined.append(Self.slash) }
    joined.append(contentsOf: bytes)
    return joined
  }

  private static func filePath(_ bytes: [UInt8]) -> FilePath {
    var terminated = bytes
    terminated.append(0)
    // SAFETY: the bytes end in a NUL, have the size of a platform character, and are copied before
    // the closures return.
    return unsafe terminated.withUnsafeBytes { buffer in
      unsafe buffer.withMemoryRebound(to: CInterop.PlatformChar.self) { characters in
        unsafe FilePath(platformString: characters.baseAddress!)
      }
    }
  }
}
