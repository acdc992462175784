// SPDX-License-Identifier: Apache-2.0
internal import CKernels

/// Converts a run of elements from one floating-point format to another, appending to `target`.
///
/// Rounds to nearest, ties to even; F64 goes to the half types by way of F32, as in torch.
/// Values that are too large become infinite, subnormals are kept, and NaN stays NaN: quiet, with its
/// sign and as much of its payload as fits, except that BF16 to F32 and equal formats copy bits.
///
/// - Parameters:
///   - source: whole elements of `sourceFormat`, little endian, at any alignment.
///   - sourceFormat: the format to read.
///   - targetFormat: the format to write.
///   - target: memory for as many elements of `targetFormat`; less memory traps.
///   - implementation: the kernels to use; the fastest that this CPU has by default.
/// - Complexity: O(elements), no allocation.
@_lifetime(target: copy target)
public func convertElements(
  _ source: RawSpan, from sourceFormat: FloatFormat, to targetFormat: FloatFormat,
  into target: inout OutputRawSpan, implementation: KernelImplementation = .automatic
) {
  precondition(
    source.byteCount.isMultiple(of: sourceFormat.byteCount), "source must hold whole elements")
  let count = source.byteCount / sourceFormat.byteCount
  precondition(
    count <= target.freeCapacity / targetFormat.byteCount, "target is too small for the elements")
  guard let set = implementation.instructionSet else {
    for index in 0..<count {
      appendElement(of: source, at: index, from: sourceFormat, to: targetFormat, into: &target)
    }
    return
  }
  // SAFETY: both buffers contain `count` elements, checked above, and do not overlap: `target` is
  // borrowed exclusively.
  unsafe source.withUnsafeBytes { from in
    unsafe target.withUnsafeMutableBytes { to, initialized in
      guard count > 0, let start = to.baseAddress else { return }
      unsafe ck_convert(
        start + initialized, Int32(targetFormat.rawValue), from.baseAddress,
        Int32(sourceFormat.rawValue), count, set.rawValue)
      initialized += count * targetFormat.byteCount
    }
  }
}

@_lifetime(target: copy target)
private func appendElement(
  of source: RawSpan, at index: Int, from sourceFormat: FloatFormat, to targetFormat: FloatFormat,
  into target: inout OutputRawSpan
) {
  let bits = sourceFormat.bits(of: index, in: source)
  let converted: UInt64
  switch (sourceFormat, targetFormat) {
  case _ where sourceFormat == targetFormat:
    converted = bits
  case (.bfloat16, .float32):
    converted = bits << 16
  default:
    converted = targetFormat.bits(rounding: sourceFormat.value(ofBits: bits))
  }
  for byte in 0..<targetFormat.byteCount {
    target.append(UInt8(truncatingIfNeeded: converted >> (8 * byte)))
  }
}

/// Converts a run of elements to a new array of bytes; see `convertElements(_:from:to:into:)`.
///
/// - Complexity: O(elements).
public func convertElements(
  _ source: RawSpan, from sourceFormat: FloatFormat, to targetFormat: FloatFormat,
  implementation: KernelImplementation = .automatic
) -> [UInt8] {
  let count = source.byteCount / sourceFormat.byteCount
  return [UInt8](capacity: count * targetFormat.byteCount) { bytes in
    convertElements(
      source, from: sourceFormat, to: targetFormat, into: &bytes, implementation: implementation)
  }
}

/// Widens a run of elements to F64, at the start of `values`.
///
/// - Parameter values: memory for as many numbers; less memory traps. The rest of it is not changed.
/// - Complexity: O(elements), no allocation.
package func widenElements(
  _ source: RawSpan, from format: FloatFormat, into values: inout [Double]
) {
  let count = source.byteCount / format.byteCount
  precondition(count <= values.count, "values are too few for the elements")
  let set = InstructionSet.best
  // SAFETY: both buffers contain `count` elements, checked above, and do not overlap: `values` is
  // borrowed exclusively.
  unsafe source.withUnsafeBytes { from in
    unsafe values.withUnsafeMutableBufferPointer { to in
      guard count > 0, let start = to.baseAddress else { return }
      unsafe ck_convert(
        start, Int32(FloatFormat.float64.rawValue), from.baseAddress, Int32(format.rawValue),
        count, set.rawValue)
    }
  }
}
