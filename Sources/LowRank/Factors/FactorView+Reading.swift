// SPDX-License-Identifier: Apache-2.0
package import Archives
public import Kernels
public import Tensors

extension FactorView {
  /// Where the elements are read from: once for all views of a tensor that are read one after the
  /// other.
  ///
  /// - Throws: what reading the tensor throws, where its file does not have it as it is.
  /// - Complexity: O(bytes) for such a file, else O(1).
  package func source() throws(CheckpointError) -> GatherSource {
    if let (file, range) = archive.storedBytes(of: index) {
      return .file(file, start: range.lowerBound, byteCount: range.count)
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(archive.tensor(at: index).byteCount)
    try archive.readTensor(at: index) { piece throws(CheckpointError) in
      bytes.append(copying: piece)
    }
    return .memory(bytes)
  }

  /// Passes the elements on in row-major order, in pieces of whole elements of a few megabytes.
  ///
  /// - Parameter source: the source of the tensor.
  /// - Throws: `truncated` when the file has shrunk, `system` when reading fails, and what `sink`
  ///   throws.
  func read(
    from source: GatherSource, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    let size = dtype.bitCount / 8
    try StridedElements(
      in: source, start: start * size, steps: strides.map { $0 * size }, elementByteCount: size
    ).read(from: sizes.map { _ in 0 }, sizes, to: sink)
  }

  /// The elements in row-major order, rounded to a format.
  ///
  /// - Throws: `unsupported` for a dtype that is not computed in, and what reading throws.
  /// - Complexity: O(elements).
  public func values(in arithmetic: FloatFormat) throws(CheckpointError) -> [Double] {
    guard let format = FloatFormat(dtype) else {
      throw CheckpointError(
        .unsupported, "is \(dtype), not F64, F32, BF16 or F16", path: archive.path, tensor: name)
    }
    if isRowMajor, elementCount == archive.tensor(at: index).elementCount {
      return try archive.withTensor(at: index) { view throws(CheckpointError) in
        [Double](view.bytes, from: format, rounding: arithmetic)
      }
    }
    var values: [Double] = []
    values.reserveCapacity(elementCount)
    try read(from: try source()) { piece throws(CheckpointError) in
      values += [Double](piece, from: format, rounding: arithmetic)
    }
    return values
  }
}
