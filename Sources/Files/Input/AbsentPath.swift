// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage
internal import Tensors

/// A path where nothing is.
enum AbsentPath {
  /// Advice about what is there instead: the missing target of a link, or a file whose name differs in
  /// case; nil when there is neither.
  ///
  /// - Complexity: O(names in the directory).
  static func hint(for path: FilePath) -> String? {
    if let target = PathKind.linkTarget(path.string) {
      return "it is a symbolic link to \(target.printable), which does not exist"
    }
    guard let name = path.lastComponent?.string else { return nil }
    let parent = path.removingLastComponent()
    let folder = parent.isEmpty ? "." : parent.string
    let wanted = name.lowercased()
    let names = (try? DirectoryTree.files(in: folder)) ?? []
    let other = names.first { $0.lowercased() == wanted }
    return other.map { "there is \($0.printable), whose name differs in case" }
  }
}
