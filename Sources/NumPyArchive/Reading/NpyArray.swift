// SPDX-License-Identifier: Apache-2.0
internal import Archives
internal import Files
internal import Tensors

/// An array whose header matches its size.
struct NpyArray: Sendable {
  /// The element type.
  let dtype: DType
  /// The dimensions, outermost first.
  let shape: Shape
  /// The range of the data, relative to the start of the header.
  let data: Range<Int>
  /// Whether the elements are not in row-major order.
  let isTransposed: Bool
  /// Whether the elements are big-endian.
  let isSwapped: Bool

  /// Checks an array of `byteCount` bytes, with its header.
  ///
  /// - Throws: `malformed` when the data has another size than the header says.
  init(
    _ header: NpyHeader, dtype: DType, isBigEndian: Bool, byteCount: Int, at offset: Int?
  ) throws(CheckpointError) {
    let expected: Int
    do throws(CheckpointError) {
      expected = try header.shape.byteCount(of: dtype)
    } catch {
      throw .malformed("has an impossible shape: " + error.message, at: offset)
    }
    let found = byteCount - header.byteCount
    guard found == expected else {
      let start = offset.map { $0 + header.byteCount }
      guard found > expected else {
        throw CheckpointError(
          .truncated, "ends too early: the data takes \(expected) bytes, \(found) are left",
          offset: start)
      }
      throw .malformed(
        (found - expected).counting("unexpected byte", "follow")
          + " the \(expected) that shape and dtype make",
        at: start.map { $0 + expected })
    }
    self.dtype = dtype
    shape = header.shape
    data = header.byteCount..<byteCount
    isTransposed =
      header.isFortranOrder && expected > 0
      && header.shape.dimensions.count(where: { $0 != 1 }) > 1
    isSwapped = isBigEndian
  }

  /// Whether the data is that of the tensor, unchanged.
  var isAsShown: Bool { !isTransposed && !isSwapped }

  /// The size of an element in bytes.
  private var elementByteCount: Int { dtype.bitCount / 8 }

  /// The change of elements that are read.
  private var finish: ElementTransform {
    ElementTransform(
      componentByteCount: dtype == .complex64 ? 4 : elementByteCount, swapsBytes: isSwapped)
  }

  /// The dimensions with their strides: the first varies fastest. None is zero.
  private var axes: [Gather.Axis] {
    var step = elementByteCount
    return shape.dimensions.map { extent in
      defer { step *= Int(extent) }
      return Gather.Axis(size: Int(extent), step: step)
    }
  }

  /// Passes the data to a sink in pieces of a few megabytes, row-major and little-endian.
  ///
  /// - Throws: what reading the source and `sink` throw.
  func read(
    from source: NpySource, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    guard !data.isEmpty else { return try source.verify() }
    let finish = finish
    guard isTransposed else {
      return try source.readPieces(data) { piece throws(CheckpointError) in
        finish.apply(to: &piece)
        try sink(piece.bytes)
      }
    }
    var gather = Gather(
      axes, start: data.lowerBound, elementByteCount: elementByteCount,
      from: try source.gatherSource(byteCount: data.upperBound))
    try gather.run { box throws(CheckpointError) in
      finish.apply(to: &box)
      try sink(box.bytes)
    }
  }

  /// The data in memory, row-major and little-endian.
  ///
  /// - Throws: as `read`.
  func materialize(from source: NpySource) throws(CheckpointError) -> [UInt8] {
    var bytes: [UInt8] = []
    // Compressed data may be shorter than claimed: the buffer grows with the data.
    if !source.isCompressed { bytes.reserveCapacity(data.count) }
    try read(from: source) { piece throws(CheckpointError) in
      bytes.append(copying: piece)
    }
    return bytes
  }
}
