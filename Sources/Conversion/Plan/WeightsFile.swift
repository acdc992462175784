// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Files
internal import PEFT
public import Tensors

/// A file of tensors to write: the tensors, their source, and the format.
public struct WeightsFile: Sendable {
  /// A tensor of the file.
  public struct Tensor: Sendable {
    /// The tensor as it is written, without its place.
    public let info: TensorInfo
    /// Its dtype in the source.
    public let sourceDType: DType
    /// Its name in the source.
    public let sourceName: TensorName
    /// The location of its data in the source.
    public let source: TensorLocation
    /// The range of its data in the file; nil if it depends on compression.
    public let range: Range<Int>?
  }

  /// The format.
  public let format: any CheckpointFormat
  /// The tensors as they are written, read from the source on demand.
  public let archive: any TensorArchive

  let source: any TensorArchive
  /// The place of each tensor in the source.
  let members: [Int]
  /// The path that torch would have been given, after which it names a folder.
  let name: String

  /// The files that the tensors are read from: of a set of shards only those.
  ///
  /// - Complexity: O(tensors · log shards).
  var files: [InputFile] { source.files(holding: members) }

  /// The number of tensors.
  public var tensorCount: Int { members.count }

  /// The tensors with their places, in the order of `archive`, and the size of the file.
  ///
  /// - Returns: no size if it depends on compression.
  /// - Throws: `malformed` or `unsupported` for tensors that the format cannot hold together.
  /// - Complexity: O(tensors · log tensors).
  public func layout() throws(CheckpointError) -> (tensors: [Tensor], byteCount: Int?) {
    let layout = try format.layout(of: archive, order: order, path: name)
    let tensors = members.enumerated().map { place, index in
      let origin = source.tensor(at: index)
      return Tensor(
        info: archive.tensor(at: place), sourceDType: origin.dtype, sourceName: origin.name,
        source: source.location(of: index), range: layout.ranges?[place])
    }
    return (tensors, layout.byteCount)
  }

  /// The order in which PEFT saves these tensors, where the format keeps one.
  private var order: StateDictOrder? {
    format.keepsTensorOrder ? AdapterMethods.stateDictOrder(of: archive) : nil
  }

  /// Writes the file.
  func write(to output: inout AtomicFile) throws(CheckpointError) {
    do throws(CheckpointError) {
      try format.write(archive, order: order, path: name, to: &output)
    } catch {
      throw error.inFile(archive.path)
    }
  }

  /// The same file, with its tensors shown to a watcher while they are written.
  func watched(by watcher: any TensorWatcher) -> Self {
    WeightsFile(
      format: format, archive: WatchedArchive(archive, watcher: watcher, writtenAs: format),
      source: source, members: members, name: name)
  }
}
