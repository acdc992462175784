// SPDX-License-Identifier: Apache-2.0
public import Archives
public import Files
public import Kernels
internal import Synchronization
public import Tensors

/// An archive whose tensors are made of views of others while they are read.
public final class ComposedArchive: TensorArchive {
  public let path: String
  public let format: any CheckpointFormat
  public let metadata: ArchiveMetadata?
  public let files: [InputFile]

  private let composed: [ComposedTensor]
  private let infos: [TensorInfo]
  private let places: [TensorName: Int]
  private let counts = Mutex(CastCounts())

  /// Describes the tensors; none is read.
  ///
  /// - Parameters:
  ///   - path: the path of the source, for errors.
  ///   - format: the format that the archive claims to be of.
  ///   - metadata: the metadata; nil for none.
  ///   - tensors: the tensors, in order.
  /// - Throws: `invalidArgument` for pieces outside their tensors, `malformed` for a duplicate name,
  ///   `unsupported` for a cast that does not exist.
  public init(
    path: String, format: any CheckpointFormat, metadata: ArchiveMetadata? = nil,
    tensors: [ComposedTensor]
  ) throws(CheckpointError) {
    var infos: [TensorInfo] = []
    var places: [TensorName: Int] = [:]
    var files: [InputFile] = []
    var seen: Set<ObjectIdentifier> = []
    for tensor in tensors {
      do throws(CheckpointError) {
        let info = try tensor.checkedInfo()
        guard places.updateValue(infos.count, forKey: info.name) == nil else {
          throw CheckpointError(.malformed, "duplicate tensor name", tensor: info.name)
        }
        infos.append(info)
      } catch {
        throw error.inFile(path)
      }
      for piece in tensor.pieces where seen.insert(ObjectIdentifier(piece.view.archive)).inserted {
        for file in piece.view.archive.files where seen.insert(ObjectIdentifier(file)).inserted {
          files.append(file)
        }
      }
    }
    self.path = path
    self.format = format
    self.metadata = metadata
    self.files = files
    self.infos = infos
    self.places = places
    composed = tensors
  }

  /// What casts did to the values of tensors that were read so far.
  public var castCounts: CastCounts { counts.withLock { $0 } }

  public var tensorCount: Int { infos.count }
  public func tensor(at index: Int) -> TensorInfo { infos[index] }
  public func index(of name: TensorName) -> Int? { places[name] }

  public func location(of index: Int) -> TensorLocation {
    TensorLocation(path: path, access: .gathered)
  }

  public func withTensor<R>(
    at index: Int, _ body: (TensorView) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(infos[index].byteCount)
    try readTensor(at: index) { piece throws(CheckpointError) in bytes.append(copying: piece) }
    return try body(
      TensorView(dtype: infos[index].dtype, shape: infos[index].shape, bytes: bytes.span.rawBytes))
  }

  public func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try withoutActuallyEscaping(sink) { sink throws(CheckpointError) in
      var target = SinkTarget(sink: sink)
      try write(index, to: &target)
    }
  }

  public func copyTensor(at index: Int, to output: inout AtomicFile) throws(CheckpointError) {
    if let whole = wholeTensor(index) {
      return try whole.archive.copyTensor(at: whole.index, to: &output)
    }
    try write(index, to: &output)
  }

  /// Appends the data of a tensor to a target.
  private func write(
    _ index: Int, to target: inout some BlockTarget & ~Copyable
  ) throws(CheckpointError) {
    do throws(CheckpointError) {
      switch composed[index].content {
      case .values(let values):
        let bytes = try Self.encode(values, as: infos[index].dtype)
        try target.append(copying: bytes.span.rawBytes)
      case .pieces:
        var composer = try BlockComposer(composed[index])
        try composer.write(to: &target)
        counts.withLock { $0 += composer.counts }
      }
    } catch {
      throw error.naming(tensor: infos[index].name)
    }
  }

  /// The tensor of another archive that this one is, bit by bit; nil for others.
  private func wholeTensor(_ index: Int) -> FactorView? {
    let tensor = composed[index]
    guard tensor.pieces.count == 1, tensor.pieces[0].factor == 1 else { return nil }
    let view = tensor.pieces[0].view
    guard view.dtype == tensor.dtype, view.sizes == tensor.grid, view.isRowMajor,
      view.elementCount == view.archive.tensor(at: view.index).elementCount
    else { return nil }
    return view
  }

  /// The bytes of numbers in a dtype.
  private static func encode(
    _ values: [Double], as dtype: DType
  ) throws(CheckpointError) -> [UInt8] {
    var bytes: [UInt8] = []
    for value in values {
      bytes.appendLittleEndian(value.bitPattern)
    }
    let cast = try Cast(from: .float64, to: dtype)
    var output = [UInt8](repeating: 0, count: values.count * cast.destinationElementByteCount)
    var counts = CastCounts()
    do {
      var place = output.mutableRawBytes
      try cast.run(bytes.span.rawBytes, into: &place, counts: &counts)
    }
    return output
  }
}
