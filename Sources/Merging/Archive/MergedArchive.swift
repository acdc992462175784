// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
internal import LowRank
internal import Synchronization
public import Tensors

/// The tensors of a base model, some of them changed while they are read.
///
/// Added tensors come after those of the base model. Reading a tensor reads the base once, and once
/// more for each change that normalizes columns; a few megabytes and the factors of one region are in
/// memory.
public final class MergedArchive: ArchiveDecorator {
  public let base: any TensorArchive
  /// The tensors that are changed or added, as they were given.
  public let merged: [MergedTensor]

  private let infos: [TensorInfo]
  /// The merged tensor of each tensor; nil for those of the base.
  private let places: [Int?]
  private let names: [TensorName: Int]
  /// What became of the changes of each merged tensor that was read.
  private let results: Mutex<[[ChangeOutcome]]>

  /// Describes the tensors; none is read.
  ///
  /// - Parameters:
  ///   - base: the tensors of the base model.
  ///   - tensors: those that are changed or added.
  /// - Throws: `mismatch` for regions and factors that do not fit their tensors, and two tensors of one
  ///   name; `unsupported` for a dtype that is not computed in.
  /// - Complexity: O(tensors).
  public init(_ base: any TensorArchive, merging tensors: [MergedTensor]) throws(CheckpointError) {
    var infos = base.tensors
    var places = [Int?](repeating: nil, count: infos.count)
    var names: [TensorName: Int] = [:]
    for (number, tensor) in tensors.enumerated() {
      let info: TensorInfo
      do throws(CheckpointError) {
        info = try tensor.checkedInfo(in: base)
      } catch {
        throw error.naming(tensor: tensor.name).inFile(base.path)
      }
      let place = base.index(of: tensor.name) ?? names[tensor.name] ?? infos.count
      if place < places.count, places[place] != nil {
        throw CheckpointError(
          .mismatch, "is merged twice", path: base.path, tensor: tensor.name)
      }
      if place == infos.count {
        infos.append(info)
        places.append(number)
        names[tensor.name] = place
      } else {
        infos[place] = info
        places[place] = number
      }
    }
    self.base = base
    merged = tensors
    self.infos = infos
    self.places = places
    self.names = names
    results = Mutex([[ChangeOutcome]](repeating: [], count: tensors.count))
  }

  /// What became of the changes, in the order of `merged`: of those tensors that were read to their end.
  public var outcomes: [ChangeOutcome] { results.withLock { $0.flatMap(\.self) } }

  public var tensorCount: Int { infos.count }
  public func tensor(at index: Int) -> TensorInfo { infos[index] }

  public func index(of name: TensorName) -> Int? { names[name] ?? base.index(of: name) }

  /// The first tensor that is the same view, if neither changes.
  public func alias(of index: Int) -> Int? {
    guard places[index] == nil, let first = base.alias(of: index), places[first] == nil else {
      return nil
    }
    return first
  }

  public func source(of index: Int) -> (archive: any TensorArchive, index: Int) {
    (base, places[index].flatMap { merged[$0].source } ?? min(index, base.tensorCount - 1))
  }

  public func location(of index: Int) -> TensorLocation {
    let (archive, place) = source(of: index)
    let location = archive.location(of: place)
    guard places[index] != nil else { return location }
    return TensorLocation(path: location.path, access: .gathered)
  }

  public var files: [InputFile] { files(holding: Array(infos.indices)) }

  /// The files of the base with some tensors, and those of the factors that change them.
  public func files(holding tensors: [Int]) -> [InputFile] {
    var files = base.files(holding: tensors.map { source(of: $0).index })
    var seen = Set(files.map(ObjectIdentifier.init))
    var archives: Set<ObjectIdentifier> = []
    for tensor in tensors {
      for archive in places[tensor].map({ merged[$0].archives }) ?? []
      where archives.insert(ObjectIdentifier(archive)).inserted {
        for file in archive.files where seen.insert(ObjectIdentifier(file)).inserted {
          files.append(file)
        }
      }
    }
    return files
  }

  public func withTensor<R>(
    at index: Int, _ body: (TensorView) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    guard places[index] != nil else { return try base.withTensor(at: index, body) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(infos[index].byteCount)
    try readTensor(at: index) { piece throws(CheckpointError) in bytes.append(copying: piece) }
    return try body(
      TensorView(dtype: infos[index].dtype, shape: infos[index].shape, bytes: bytes.span.rawBytes))
  }

  public func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    guard places[index] != nil else { return try base.readTensor(at: index, to: sink) }
    try withoutActuallyEscaping(sink) { sink throws(CheckpointError) in
      var target = SinkTarget(sink: sink)
      try write(index, to: &target)
    }
  }

  public func copyTensor(at index: Int, to output: inout AtomicFile) throws(CheckpointError) {
    guard places[index] != nil else { return try base.copyTensor(at: index, to: &output) }
    try write(index, to: &output)
  }

  /// Appends the data of a merged tensor to a target, and keeps what became of its changes.
  private func write(
    _ index: Int, to target: inout some BlockTarget & ~Copyable
  ) throws(CheckpointError) {
    guard let number = places[index] else { return }
    do throws(CheckpointError) {
      let merger = TensorMerger(tensor: merged[number], number: number, base: base)
      let outcomes = try merger.write(to: &target)
      results.withLock { $0[number] = outcomes }
    } catch {
      throw error.naming(tensor: infos[index].name)
    }
  }
}
