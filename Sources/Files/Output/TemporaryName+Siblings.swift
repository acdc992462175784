// SPDX-License-Identifier: Apache-2.0
internal import SystemPackage

extension TemporaryName {
  /// Creates a temporary next to `path` with `create`, which must fail with `.fileExists` for a
  /// name in use.
  ///
  /// Such a name was left by a killed process with the ID of this one; the first processes of
  /// containers all have the same. Then the next name is tried.
  ///
  /// - Returns: the path of the temporary and the result of `create`.
  static func makeSibling<R>(
    of path: FilePath, suffix: Suffix = .output, _ create: (FilePath) -> Result<R, Errno>
  ) -> Result<(path: FilePath, value: R), Errno> {
    let parent = path.parent
    StaleTemporaries.sweep(parent)
    var attempt = 0
    while true {
      let sibling = parent.appending(name(for: path, suffix))
      switch create(sibling) {
      case .success(let value): return .success((sibling, value))
      case .failure(.fileExists) where attempt < 1000: attempt += 1
      case .failure(let reason): return .failure(reason)
      }
    }
  }
}
