internal import Archives
internal import Files
internal import Tensors

/// Some tensors of an archive, under their own names or others, in an order of one's own.
final class SelectedArchive: TensorArchive {
  /// A tensor of the base archive and its name here.
  struct Member: Sendable {
    let index: Int
    let name: TensorName
  }

  let metadata: ArchiveMetadata?
  let skipped: [SkippedItem]

  private let base: any TensorArchive
  private let members: [Member]
  private let places: [TensorName: Int]

  /// Selects.
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

  var path: String { base.path }
  var format: ArchiveFormat { base.format }
  var tensorCount: Int { members.count }

  func tensor(at index: Int) -> TensorInfo {
    let info = base.tensor(at: members[index].index)
    return TensorInfo(
      name: members[index].name, dtype: info.dtype, shape: info.shape, byteCount: info.byteCount,
      dataOffsets: info.dataOffsets)
  }

  func index(of name: TensorName) -> Int? { places[name] }
  var files: [InputFile] { base.files }

  func withTensor<R>(
    at index: Int, _ body: (TensorView) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    try base.withTensor(at: members[index].index, body)
  }

  func location(of index: Int) -> TensorLocation {
    base.location(of: members[index].index)
  }

  func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try base.readTensor(at: members[index].index, to: sink)
  }

  func copyTensor(at index: Int, to output: inout AtomicFile) throws(CheckpointError) {
    try base.copyTensor(at: members[index].index, to: &output)
  }
}
