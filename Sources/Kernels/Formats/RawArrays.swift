// SPDX-License-Identifier: Apache-2.0
extension Array where Element: BitwiseCopyable {
  /// Creates an array of at most `capacity` elements from the bytes that `initialize` appends.
  ///
  /// Every bit pattern must be a valid element.
  init(capacity: Int, initializingBytes initialize: (inout OutputRawSpan) -> Void) {
    self.init(capacity: capacity) { (output: inout OutputSpan<Element>) in
      // SAFETY: the raw span lives within this closure, and `finalize` returns the number of
      // bytes that it initialised.
      unsafe output.withUnsafeMutableBufferPointer { buffer, count in
        let bytes = UnsafeMutableRawBufferPointer(buffer)
        var raw = unsafe OutputRawSpan(buffer: bytes, initializedCount: 0)
        initialize(&raw)
        count = unsafe raw.finalize(for: bytes) / MemoryLayout<Element>.stride
      }
    }
  }
}

extension [Double] {
  /// The elements of `bytes` in `format`, first rounded to `rounding` and then widened to F64.
  package init(_ bytes: RawSpan, from format: FloatFormat, rounding: FloatFormat) {
    let rounded = convertElements(bytes, from: format, to: rounding)
    self.init(capacity: rounded.count / rounding.byteCount) { output in
      // SAFETY: bytes have no padding.
      unsafe convertElements(rounded.span.bytes, from: rounding, to: .float64, into: &output)
    }
  }
}
