// SPDX-License-Identifier: Apache-2.0
internal import Kernels
internal import Tensors

extension FloatFormat {
  /// The exact values of elements.
  func values(of bytes: RawSpan) -> [Double] {
    (0..<bytes.byteCount / byteCount).map { value(of: $0, in: bytes) }
  }

  /// Rounds values to nearest, and returns the little-endian elements.
  func bytes(rounding values: [Double]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * byteCount)
    for value in values { bytes.appendLittleEndian(bits(rounding: value), byteCount: byteCount) }
    return bytes
  }
}
