// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Checkpoints
internal import Files
internal import Kernels
internal import LowRank
internal import Tensors

/// Makes views of computed factors, which homes write like those of files.
struct ComputedFactors: Sendable {
  /// The path of the source, for errors.
  let path: String
  /// The files that the factors are computed from.
  let files: [InputFile]
  private let scratch: ScratchFile?

  /// The bytes that are read at a time; a multiple of every element size.
  private static let pieceByteCount = 1 << 20

  /// - Parameters:
  ///   - path: the path of the source, for errors.
  ///   - files: the files that the factors are computed from. The adapter gets the permissions that
  ///     they have in common, and is not written when one of them changes.
  ///   - output: where the adapter will be written; the factors wait in a file next to it. They are in
  ///     memory without.
  /// - Throws: `system` when no file can be created there.
  init(path: String, files: [InputFile], output: String? = nil) throws(CheckpointError) {
    self.path = path
    self.files = files
    scratch = try output.map { path throws(CheckpointError) in try ScratchFile(beside: path) }
  }

  /// A view of values, each rounded once to a dtype.
  ///
  /// - Parameters:
  ///   - name: what errors call the tensor.
  ///   - values: as many elements as the sizes have, row-major; another number traps.
  ///   - sizes: the dimensions, outermost first.
  ///   - dtype: F64, F32, BF16 or F16.
  /// - Throws: `unsupported` for a value that the dtype cannot hold.
  func view(
    _ name: String, _ values: [Double], sizes: [Int], dtype: DType
  ) throws(CheckpointError) -> FactorView {
    let bytes = try encode(values, as: dtype, name)
    return try view(tensor(TensorName(name), dtype, Shape(sizes), bytes))
  }

  /// A view of values that are computed each time they are used, each rounded once to a dtype.
  ///
  /// - Parameters:
  ///   - name: what errors call the tensor.
  ///   - sizes: the dimensions, outermost first.
  ///   - dtype: F64, F32, BF16 or F16.
  ///   - make: computes as many values as the sizes have elements, row-major.
  func view(
    _ name: String, sizes: [Int], dtype: DType,
    making make: @escaping @Sendable () throws(CheckpointError) -> [Double]
  ) throws(CheckpointError) -> FactorView {
    try view(
      ComputedTensor(TensorName(name), dtype: dtype, shape: Shape(sizes)) {
        sink throws(CheckpointError) in
        let bytes = try encode(try make(), as: dtype, name)
        for start in stride(from: 0, to: bytes.count, by: Self.pieceByteCount) {
          let end = min(start + Self.pieceByteCount, bytes.count)
          try sink(bytes.span.rawBytes.extracting(start..<end))
        }
      })
  }

  private func view(_ tensor: ComputedTensor) throws(CheckpointError) -> FactorView {
    let archive = ComputedArchive(
      [tensor], format: CheckpointFormats.standard, path: path, files: files)
    return try FactorView(archive, at: 0)
  }

  /// The bytes of values in a dtype.
  ///
  /// - Throws: `unsupported` for a value that the dtype cannot hold.
  private func encode(
    _ values: [Double], as dtype: DType, _ name: String
  ) throws(CheckpointError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * 8)
    for value in values { bytes.appendLittleEndian(value.bitPattern) }
    let cast = try Cast(from: .float64, to: dtype)
    var output = [UInt8](repeating: 0, count: values.count * cast.destinationElementByteCount)
    var counts = CastCounts()
    do {
      var place = output.mutableRawBytes
      try cast.run(bytes.span.rawBytes, into: &place, counts: &counts)
    }
    guard counts.infiniteFromFinite == 0 else {
      throw CheckpointError(
        .unsupported, "has computed values that \(dtype) cannot hold", path: path,
        tensor: TensorName(name))
    }
    return output
  }

  /// A tensor of these bytes, which wait in the scratch file if there is one.
  private func tensor(
    _ name: TensorName, _ dtype: DType, _ shape: Shape, _ bytes: [UInt8]
  ) throws(CheckpointError) -> ComputedTensor {
    guard let scratch else {
      return try ComputedTensor(name, dtype: dtype, shape: shape, bytes: bytes)
    }
    let start = try scratch.append(bytes.span.rawBytes)
    let count = bytes.count
    return try ComputedTensor(name, dtype: dtype, shape: shape) { sink throws(CheckpointError) in
      for offset in stride(from: 0, to: count, by: Self.pieceByteCount) {
        let piece = try scratch.read(
          at: start + offset, count: min(Self.pieceByteCount, count - offset))
        try sink(piece.span.rawBytes)
      }
    }
  }
}
