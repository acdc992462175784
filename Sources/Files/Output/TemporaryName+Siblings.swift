internal import SystemPackage

extension TemporaryName {
  /// Makes a sibling of `path` with `create`, which must fail with `.fileExists` for a name in use.
  ///
  /// Such a name is left over from a process that was killed and had this one's id, as all first
  /// processes of containers do; then the next is tried.
  ///
  /// - Returns: the sibling's name and what `create` made.
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
