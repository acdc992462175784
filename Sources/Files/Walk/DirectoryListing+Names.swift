// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage

extension DirectoryListing {
  /// The names in a directory, without `.` and `..`, in byte order.
  ///
  /// - Parameter followsLink: as for `entries`.
  static func names(
    in directory: FilePath, followsLink: Bool = true
  ) -> Result<[FilePath.Component], Errno> {
    typedNames(in: directory, followsLink: followsLink).map { $0.map(\.name) }
  }

  /// The names in a directory, in byte order, each with its type; nil if the listing does not give
  /// it.
  static func typedNames(
    in directory: FilePath, followsLink: Bool = true
  ) -> Result<[(name: FilePath.Component, kind: Kind?)], Errno> {
    SystemCalls.entries(of: directory, followsLink: followsLink).map { found in
      found.entries.map {
        (bytes: found.names[$0.start..<$0.start + $0.count], kind: $0.kind.map(Kind.init))
      }
      .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
      .compactMap { entry in
        RelativePath(bytes: entry.bytes).path.lastComponent.map { ($0, entry.kind) }
      }
    }
  }
}

extension DirectoryListing.Kind {
  /// Converts the type of a directory entry.
  init(_ kind: SystemCalls.EntryKind) {
    switch kind {
    case .file: self = .file
    case .directory: self = .directory
    case .link: self = .link
    case .other: self = .other
    }
  }
}
