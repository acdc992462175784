// SPDX-License-Identifier: Apache-2.0
internal import Files
internal import Tensors

extension AdapterDirectory {
  /// What a directory holds instead of the files of an adapter, or an adapter below it; nil where
  /// neither is known.
  public static func hint(for directory: String) -> String? { advice(for: directory).hint }

  /// The hint of `hint(for:)`, and what else makes an adapter of the directory.
  static func advice(
    for directory: String
  ) -> (hint: String?, remedy: CheckpointError.Remedy?) {
    let names = (try? DirectoryTree.files(in: directory)) ?? []
    let folders = (try? DirectoryTree.subdirectories(of: directory)) ?? []
    let foreign = ForeignDirectory(names: names, folders: folders, weightsNames: weightsNames)
    if let hint = adapterBelow(directory, folders) { return (hint, nil) }
    return (foreign?.hint, foreign?.isConvertible == true ? .convertAdapter("peft") : nil)
  }

  /// The most directories, and the most levels, in which adapters are looked for.
  private static let mostDirectories = 10_000
  private static let mostLevels = 8

  /// A hint that names the directory of the first adapter below a directory, and counts them, level by
  /// level.
  private static func adapterBelow(_ directory: String, _ folders: [String]) -> String? {
    var level = folders.map { path(of: $0, in: directory) }
    var adapters: [String] = []
    var count = 0
    for _ in 0..<mostLevels where !level.isEmpty && count < mostDirectories {
      let candidates = level.prefix(mostDirectories - count)
      count += candidates.count
      level = []
      for candidate in candidates {
        if has(AdapterConfig.fileName, in: candidate) { adapters.append(candidate) }
        let names = (try? DirectoryTree.subdirectories(of: candidate)) ?? []
        level += names.map { path(of: $0, in: candidate) }
      }
    }
    guard let first = adapters.first else { return nil }
    return adapters.count == 1
      ? "there is an adapter in \(first.printable)"
      : "there are \(adapters.count) adapters below it, such as \(first.printable)"
  }
}
