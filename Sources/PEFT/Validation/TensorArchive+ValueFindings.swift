public import Files
public import Tensors

extension TensorArchive {
  /// The tensors whose values no computation survives: NaN or infinity, in F64, F32, BF16 and F16
  /// (spec/multitask-prompt-tuning.md, M8).
  ///
  /// - Throws: `system` when the file cannot be mapped.
  /// - Complexity: O(bytes).
  public func valueFindings() throws(CheckpointError) -> [Finding] {
    var findings: [Finding] = []
    for index in 0..<tensorCount {
      let info = tensor(at: index)
      let census = try withTensor(at: index) { view throws(CheckpointError) in
        NonFiniteCensus(view)
      }
      guard let census, let first = census.firstIndex else { continue }
      findings.append(
        Finding(
          .error, "non-finite-values",
          "\(info.name) has \(census.description), at element \(first) of \(info.elementCount)",
          tensor: info.name))
    }
    return findings
  }
}

/// How many elements of a floating-point tensor are NaN or infinite.
struct NonFiniteCensus {
  private(set) var count = 0
  private(set) var firstIndex: Int?

  /// How many there are, for a message that goes on with the place of the first.
  var description: String {
    count == 1
      ? "one value that is NaN or infinite"
      : "\(count) values that are NaN or infinite, the first of them"
  }

  /// Counts; nil for dtypes that have no such values, or that are not looked into.
  init?(_ view: TensorView) {
    switch view.dtype {
    case .float64: scan(view.bytes, UInt64.self, exponent: 0x7FF0_0000_0000_0000)
    case .float32: scan(view.bytes, UInt32.self, exponent: 0x7F80_0000)
    case .bfloat16: scan(view.bytes, UInt16.self, exponent: 0x7F80)
    case .float16: scan(view.bytes, UInt16.self, exponent: 0x7C00)
    default: return nil
    }
  }

  /// An exponent of all ones is a NaN or an infinity, in every IEEE format.
  private mutating func scan<Bits: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: RawSpan, _: Bits.Type, exponent: Bits
  ) {
    let size = MemoryLayout<Bits>.size
    for index in 0..<bytes.byteCount / size {
      // SAFETY: the index is within the span, and every bit pattern is a valid integer.
      let bits = unsafe Bits(
        littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: index * size, as: Bits.self))
      guard bits & exponent == exponent else { continue }
      count += 1
      if firstIndex == nil { firstIndex = index }
    }
  }
}
