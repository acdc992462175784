// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Glibc
internal import Tensors

/// Files in memory, for parsers that read files.
enum FuzzFile {
  /// A directory of this process.
  static let directory: String = {
    // SAFETY: the literal lives for the call.
    let base = unsafe access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
    let path = "\(base)/peftkit-fuzzing.\(getpid())"
    // SAFETY: the text lives for the call.
    _ = unsafe mkdir(path, 0o700)
    return path
  }()

  /// Writes an input.
  static func write(_ bytes: [UInt8], as name: String = "input") -> String {
    let path = "\(directory)/\(name)"
    // SAFETY: the text lives for the call.
    let descriptor = unsafe Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    // SAFETY: the pointer is to the array, for the call.
    let count = unsafe Glibc.write(descriptor, bytes, bytes.count)
    close(descriptor)
    require(count == bytes.count, "cannot write \(path)")
    return path
  }

  /// Opens an input.
  static func open(_ bytes: [UInt8], as name: String = "input") -> InputFile {
    let path = write(bytes, as: name)
    guard let file = try? InputFile(path: path) else { fatalError("cannot open \(path)") }
    return file
  }
}

/// What must hold for archives.
enum ArchiveCheck {
  /// The most bytes of a tensor's data that are read.
  static let largestData = 1 << 20

  /// Asks an archive for everything that it says, and for the data of its first tensors.
  static func exercise(_ archive: any TensorArchive) {
    _ = (
      archive.metadata, archive.skipped.count, archive.notes, archive.codeRequest, archive.variant
    )
    var rest = largestData
    for index in 0..<min(archive.tensorCount, 1000) {
      let info = archive.tensor(at: index)
      require(archive.index(of: info.name) != nil, "a tensor is not found by its name")
      let size = try? info.shape.byteCount(of: info.dtype)
      require(size == info.byteCount, "\(info.byteCount) bytes, not \(size ?? -1)")
      if let alias = archive.alias(of: index) {
        require(alias < index, "alias \(alias) of \(index)")
      }
      _ = archive.location(of: index)
      guard info.byteCount <= rest else { continue }
      rest -= info.byteCount
      guard let lent = data(of: archive, index) else { continue }
      require(lent.count == info.byteCount, "lends \(lent.count) bytes, not \(info.byteCount)")
      var read: [UInt8] = []
      try? archive.readTensor(at: index) { piece throws(CheckpointError) in
        read.append(copying: piece)
      }
      require(read == lent, "what is read of a tensor is not what is lent")
    }
  }

  private static func data(of archive: any TensorArchive, _ index: Int) -> [UInt8]? {
    try? archive.withTensor(at: index) { view throws(CheckpointError) in
      var copy: [UInt8] = []
      copy.append(copying: view.bytes)
      return copy
    }
  }

  /// Writes an archive in a format, and compares what is read of the output with it.
  ///
  /// - Parameter always: whether the format can hold everything that the archive has.
  static func rewrite(_ archive: any TensorArchive, as format: any CheckpointFormat, always: Bool) {
    guard archive.tensors.reduce(0, { $0 &+ min($1.byteCount, largestData) }) < largestData else {
      return
    }
    let path = "\(FuzzFile.directory)/output"
    let policy = OutputPolicy(replacesExisting: true, synchronizes: false)
    do throws(CheckpointError) {
      var output = try AtomicFile(path: path, policy: policy)
      try format.write(archive, order: nil, path: path, to: &output)
      try output.commit()
    } catch {
      // Damage to the data is found when it is read.
      require(!always, "cannot be written again: \(error)")
      return
    }
    let copy: any TensorArchive
    do throws(CheckpointError) {
      copy = try format.open(InputFile(path: path))
    } catch {
      fatalError("what was written is refused: \(error)")
    }
    require(
      copy.tensorCount == archive.tensorCount, "has \(copy.tensorCount) tensors after writing")
    if format.holdsMetadata {
      require(same(copy.metadata, archive.metadata), "has other metadata after writing")
    }
    for index in 0..<archive.tensorCount {
      let info = archive.tensor(at: index)
      guard let place = copy.index(of: info.name) else {
        fatalError("\(info.name) is lost in writing")
      }
      let other = copy.tensor(at: place)
      let dtype = format.storedDType(for: info.dtype)
      require(other.dtype == dtype && other.shape == info.shape, "\(info) becomes \(other)")
      require(data(of: archive, index) == data(of: copy, place), "the data of \(info.name) changes")
    }
  }

  private static func same(_ left: ArchiveMetadata?, _ right: ArchiveMetadata?) -> Bool {
    func entries(_ metadata: ArchiveMetadata?) -> [String: String]? {
      metadata.map { metadata in
        Dictionary(metadata.entries.map { ("\($0.key)", $0.value) }, uniquingKeysWith: { $1 })
      }
    }
    return left?.entries.count == right?.entries.count && entries(left) == entries(right)
  }
}
