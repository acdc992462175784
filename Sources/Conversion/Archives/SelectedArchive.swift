// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors

/// A selection of the tensors of an archive, with new names, in a given order.
final class SelectedArchive: ArchiveDecorator {
  /// A tensor of the base archive and its name here.
  struct Member: Sendable {
    let index: Int
    let name: TensorName
  }

  let metadata: ArchiveMetadata?
  let skipped: [SkippedItem]

  let base: any TensorArchive
  private let members: [Member]
  private let places: [TensorName: Int]

  /// Selects tensors.
  ///
  /// - Throws: `mismatch` when two tensors would have the same name.
  init(
    _ base: any TensorArchive, members: [Member], metadata: ArchiveMetadata?,
    skipped: [SkippedItem]
  ) throws(CheckpointError) {
    var places: [TensorName: Int] = [:]
    places.reserveCapacity(members.count)
    for (place, member) in members.enumerated() {
      if let other = places.updateValue(place, forKey: member.name) {
        throw CheckpointError(
          .mismatch,
          "\(base.tensor(at: members[other].index).name.excerpt) and "
            + "\(base.tensor(at: member.index).name.excerpt) would both be called "
            + member.name.excerpt,
          path: base.path)
      }
    }
    self.base = base
    self.members = members
    self.metadata = metadata
    self.skipped = skipped
    self.places = places
  }

  var tensorCount: Int { members.count }

  func tensor(at index: Int) -> TensorInfo {
    let info = base.tensor(at: members[index].index)
    return TensorInfo(
      name: members[index].name, dtype: info.dtype, shape: info.shape, byteCount: info.byteCount,
      dataOffsets: info.dataOffsets)
  }

  func index(of name: TensorName) -> Int? { places[name] }
  func alias(of index: Int) -> Int? { nil }

  func source(of index: Int) -> (archive: any TensorArchive, index: Int) {
    (base, members[index].index)
  }

  func files(holding tensors: [Int]) -> [InputFile] {
    base.files(holding: tensors.map { members[$0].index })
  }
}
