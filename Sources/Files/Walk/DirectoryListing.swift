internal import SystemPackage
internal import Tensors

/// The names in one directory of a tree, in the order of their bytes, and what each is.
///
/// The names stand one behind the other in one buffer: a directory may hold millions.
public struct DirectoryListing: Sendable {
  /// What a name stands for.
  public enum Kind: Sendable {
    /// A regular file.
    case file
    /// A directory.
    case directory
    /// A symbolic link, to whatever.
    case link
    /// A pipe, a device, a socket.
    case other
  }

  private struct Entry {
    let start: Int
    let count: Int
    let kind: Kind
  }

  /// The directory, below the root of the tree.
  public let path: RelativePath
  /// Whether there was nothing to pass over.
  private(set) var isComplete = true
  private var names: [UInt8] = []
  private var entries: [Entry] = []

  /// Lists a directory. The temporaries of outputs that are being written are passed over.
  ///
  /// - Throws: `missing` or `system` when it cannot be listed, for example because it is a symbolic
  ///   link below the root.
  init(_ path: RelativePath, in root: FilePath) throws(CheckpointError) {
    self.path = path
    let directory = root.pushing(path.path)
    // A name that became a link after it was listed must not lead out of the tree.
    let result = SystemCalls.entries(of: directory, followsLink: path == .root)
    switch result {
    case .failure(let reason): throw .system("list", reason, path: directory)
    case .success(let found):
      names = found.names
      entries.reserveCapacity(found.entries.count)
      for entry in found.entries {
        let name = names[entry.start..<entry.start + entry.count]
        guard !TemporaryName.isTemporary(name) else {
          isComplete = false
          continue
        }
        let kind =
          entry.kind.map(Kind.init) ?? Self.examine(RelativePath(bytes: name).path, in: directory)
        entries.append(Entry(start: entry.start, count: entry.count, kind: kind))
      }
    }
    sort()
  }

  /// How many names there are.
  public var count: Int { entries.count }

  /// What a name stands for; of a link, that it is one.
  public func kind(at index: Int) -> Kind { entries[index].kind }

  /// The bytes of a name.
  public func name(at index: Int) -> ArraySlice<UInt8> {
    names[entries[index].start..<entries[index].start + entries[index].count]
  }

  /// A name as text; bytes that are not UTF-8 show as U+FFFD.
  public func text(at index: Int) -> String { String(decoding: name(at: index), as: UTF8.self) }

  /// A name's path below the root of the tree.
  public func path(at index: Int) -> RelativePath { path.appending(name: name(at: index)) }

  /// The place of a name, nil when it is not there.
  ///
  /// - Complexity: O(log n).
  public func index(of name: String) -> Int? { index(of: name.utf8.span) }

  /// The place of a name, nil when it is not there.
  ///
  /// - Complexity: O(log n).
  public func index(of name: [UInt8]) -> Int? { index(of: name.span) }

  private func index(of name: Span<UInt8>) -> Int? {
    var range = 0..<entries.count
    while !range.isEmpty {
      let middle = range.lowerBound + range.count / 2
      let entry = entries[middle]
      let other = names.span.extracting(entry.start..<entry.start + entry.count)
      if other.hasSameBytes(as: name) { return middle }
      if other.precedes(name) {
        range = middle + 1..<range.upperBound
      } else {
        range = range.lowerBound..<middle
      }
    }
    return nil
  }

  private mutating func sort() {
    let names = names
    entries.sort { left, right in
      names.span.extracting(left.start..<left.start + left.count)
        .precedes(names.span.extracting(right.start..<right.start + right.count))
    }
  }

  /// What a name stands for on file systems whose listings do not say.
  private static func examine(_ name: FilePath, in directory: FilePath) -> Kind {
    switch (try? Stat(directory.pushing(name), followTargetSymlink: false))?.type {
    case .regular: .file
    case .directory: .directory
    case .symbolicLink: .link
    default: .other
    }
  }
}
