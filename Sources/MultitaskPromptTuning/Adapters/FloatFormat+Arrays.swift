internal import Kernels
internal import Tensors

extension FloatFormat {
  /// The values of a run of elements, exactly.
  func values(of bytes: RawSpan) -> [Double] {
    (0..<bytes.byteCount / byteCount).map { value(of: $0, in: bytes) }
  }

  /// The elements of values, each rounded to nearest, little endian.
  func bytes(rounding values: [Double]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * byteCount)
    for value in values { bytes.appendLittleEndian(bits(rounding: value), byteCount: byteCount) }
    return bytes
  }
}
