// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors

/// An archive with other names for some tensors and other metadata, as a repair will write it.
final class RepairedArchive: ArchiveDecorator {
  let base: any TensorArchive
  let format: any CheckpointFormat
  let variant: FormatVariant
  let metadata: ArchiveMetadata?
  /// The tensors that are kept, by their indices in the base.
  private let kept: [Int]
  private let renames: [TensorName: TensorName]
  private let names: [TensorName]
  private let places: [TensorName: Int]

  /// Creates the archive that a repair writes.
  ///
  /// - Parameters:
  ///   - renames: the new names of tensors. Two tensors may not get the same name.
  ///   - removed: the tensors that are left out.
  ///   - format: the format that is written; nil for that of the base.
  init(
    _ base: any TensorArchive, renames: [TensorName: TensorName], removed: Set<TensorName>,
    metadata entries: [ArchiveMetadata.Entry], format: (any CheckpointFormat)?
  ) {
    self.base = base
    self.renames = renames
    self.format = format ?? base.format
    variant = format.flatMap { $0.variants.first(where: \.isLoadedByPEFT) } ?? base.variant
    var metadata = base.metadata
    for entry in entries {
      metadata = metadata ?? [:]
      metadata?[entry.key] = entry.value
    }
    self.metadata = metadata
    let all = (0..<base.tensorCount).map { base.tensor(at: $0).name }
    kept = all.indices.filter { !removed.contains(all[$0]) }
    names = kept.map { renames[all[$0]] ?? all[$0] }
    places = Dictionary(
      names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
  }

  var tensorCount: Int { kept.count }

  func source(of index: Int) -> (archive: any TensorArchive, index: Int) { (base, kept[index]) }

  func tensor(at index: Int) -> TensorInfo {
    let info = base.tensor(at: kept[index])
    return TensorInfo(
      name: names[index], dtype: info.dtype, shape: info.shape, byteCount: info.byteCount,
      dataOffsets: info.dataOffsets)
  }

  func index(of name: TensorName) -> Int? { places[name] }

  func alias(of index: Int) -> Int? {
    guard let other = base.alias(of: kept[index]) else { return nil }
    let name = base.tensor(at: other).name
    return places[renames[name] ?? name]
  }

  func files(holding tensors: [Int]) -> [InputFile] {
    base.files(holding: tensors.map { kept[$0] })
  }
}
