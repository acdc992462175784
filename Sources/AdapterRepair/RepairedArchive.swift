// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Tensors

/// An archive with other names for some tensors and other metadata, as a repair will write it.
final class RepairedArchive: ArchiveDecorator {
  let base: any TensorArchive
  let format: any CheckpointFormat
  let variant: FormatVariant
  let metadata: ArchiveMetadata?
  private let names: [TensorName]
  private let places: [TensorName: Int]

  /// Creates the archive that a repair writes.
  ///
  /// - Parameters:
  ///   - renames: the new names of tensors. Two tensors may not get the same name.
  ///   - format: the format that is written; nil for that of the base.
  init(
    _ base: any TensorArchive, renames: [TensorName: TensorName],
    metadata entries: [ArchiveMetadata.Entry], format: (any CheckpointFormat)?
  ) {
    self.base = base
    self.format = format ?? base.format
    variant = format.flatMap { $0.variants.first(where: \.isLoadedByPEFT) } ?? base.variant
    var metadata = base.metadata
    for entry in entries {
      metadata = metadata ?? [:]
      metadata?[entry.key] = entry.value
    }
    self.metadata = metadata
    names = (0..<base.tensorCount).map {
      let name = base.tensor(at: $0).name
      return renames[name] ?? name
    }
    places = Dictionary(
      names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
  }

  func tensor(at index: Int) -> TensorInfo {
    let info = base.tensor(at: index)
    return TensorInfo(
      name: names[index], dtype: info.dtype, shape: info.shape, byteCount: info.byteCount,
      dataOffsets: info.dataOffsets)
  }

  func index(of name: TensorName) -> Int? { places[name] }
}
