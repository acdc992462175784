// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
public import Tensors

/// A path where nothing is.
public enum AbsentPath {
  /// The most names of a directory that are compared.
  private static let mostNames = 10_000

  /// An error about a path where nothing is, with advice about what is there instead; other errors, and
  /// those that have a hint, unchanged.
  public static func explaining(_ error: CheckpointError) -> CheckpointError {
    guard error.code == .missing, error.hint == nil, let path = error.path,
      PathKind.existing(path) == nil
    else { return error }
    return error.hinting(hint(for: FilePath(path)))
  }

  /// Advice about what is there instead: the missing target of a link, or files and directories with
  /// similar names; nil when there is neither.
  ///
  /// - Complexity: O(names in the directory).
  static func hint(for path: FilePath) -> String? {
    if let target = PathKind.linkTarget(path.string) {
      return "it is a symbolic link to \(target.printable), which does not exist"
    }
    guard let name = path.lastComponent?.string else { return nil }
    let parent = path.removingLastComponent()
    // The first component that is missing is the one to look at.
    guard parent.isEmpty || PathKind.existing(parent.string) != nil else {
      return hint(for: parent)
    }
    guard
      case .success(let names) = DirectoryListing.names(in: parent.isEmpty ? "." : parent)
    else { return nil }
    let wanted = name.lowercased()
    if let other = names.first(where: { $0.string.lowercased() == wanted })?.string {
      return "there is \(other.printable), whose name differs in case"
    }
    return name.suggestion(from: names.prefix(mostNames).lazy.map(\.string)) {
      parent.appending($0).string.printable
    }
  }
}
