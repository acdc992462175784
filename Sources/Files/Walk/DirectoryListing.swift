// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
internal import Tensors

/// The entries of one directory of a tree, in the byte order of their names, each with its type.
///
/// The names are concatenated in one buffer, since a directory may contain millions.
public struct DirectoryListing: Sendable {
  /// The type of an entry.
  public enum Kind: Sendable {
    /// A regular file.
    case file
    /// A directory.
    case directory
    /// A symbolic link, to anything or nothing.
    case link
    /// A pipe, device, socket or other special file.
    case other
  }

  private struct Entry {
    let start: Int
    let count: Int
    let kind: Kind
  }

  /// The directory's path below the root of the tree.
  public let path: RelativePath
  /// Whether no temporaries were left out.
  private(set) var isComplete = true
  private var names: [UInt8] = []
  private var entries: [Entry] = []

  /// Lists a directory, without the temporaries of outputs that are being written.
  ///
  /// - Parameter descriptor: the directory, if it is open already; it is closed.
  /// - Throws: `missing` or `system` when it cannot be listed, for example because it is a symbolic
  ///   link below the root.
  init(
    _ path: RelativePath, in root: FilePath, closing descriptor: FileDescriptor? = nil
  ) throws(CheckpointError) {
    self.path = path
    let directory = root.pushing(path.path)
    // A directory that was replaced by a link after it was listed must not lead out of the tree.
    let result =
      descriptor.map(SystemCalls.entries(closing:))
      ?? SystemCalls.entries(of: directory, followsLink: path == .root)
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

  /// The number of entries.
  public var count: Int { entries.count }

  /// The type of an entry; links are not followed.
  public func kind(at index: Int) -> Kind { entries[index].kind }

  /// The name of an entry, in bytes.
  public func name(at index: Int) -> ArraySlice<UInt8> {
    names[entries[index].start..<entries[index].start + entries[index].count]
  }

  /// The name of an entry as text; bytes that are not UTF-8 show as U+FFFD.
  public func text(at index: Int) -> String { String(decoding: name(at: index), as: UTF8.self) }

  /// The path of an entry below the root of the tree.
  public func path(at index: Int) -> RelativePath { path.appending(name: name(at: index)) }

  /// The index of the entry with this name; nil when there is none.
  ///
  /// - Complexity: O(log n).
  public func index(of name: String) -> Int? { index(of: name.utf8.span) }

  /// The index of the entry with this name; nil when there is none.
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

  /// The type of an entry on file systems whose listings do not give it.
  private static func examine(_ name: FilePath, in directory: FilePath) -> Kind {
    switch (try? Stat(directory.pushing(name), followTargetSymlink: false))?.type {
    case .regular: .file
    case .directory: .directory
    case .symbolicLink: .link
    default: .other
    }
  }
}
