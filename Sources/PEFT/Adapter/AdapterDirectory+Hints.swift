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

  /// A hint that names the directory of an adapter one level below, or in the snapshots of a
  /// repository of the Hub's cache.
  private static func adapterBelow(_ directory: String, _ folders: [String]) -> String? {
    var candidates = folders.map { path(of: $0, in: directory) }
    if folders.contains("snapshots") {
      let snapshots = path(of: "snapshots", in: directory)
      let hashes = (try? DirectoryTree.subdirectories(of: snapshots)) ?? []
      candidates += hashes.map { path(of: $0, in: snapshots) }
    }
    let adapters = candidates.filter { has(AdapterConfig.fileName, in: $0) }
    guard let first = adapters.first else { return nil }
    return adapters.count == 1
      ? "there is an adapter in \(first.printable)"
      : "there are \(adapters.count) adapters below it, such as \(first.printable)"
  }
}
