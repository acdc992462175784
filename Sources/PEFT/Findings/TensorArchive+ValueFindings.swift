// SPDX-License-Identifier: Apache-2.0
public import Archives
internal import Files
public import Tensors

extension TensorArchive {
  /// Findings about tensors with NaN or infinity, in F64, F32, BF16 and F16
  /// (spec/multitask-prompt-tuning.md, M8).
  ///
  /// - Throws: what reading the data throws.
  /// - Complexity: O(bytes), in constant memory.
  public func valueFindings() throws(CheckpointError) -> [Finding] {
    var findings: [Finding] = []
    for index in 0..<tensorCount {
      let info = tensor(at: index)
      guard var census = NonFiniteCensus(of: info.dtype) else { continue }
      do throws(CheckpointError) {
        try readTensor(at: index) { piece throws(CheckpointError) in census.add(piece) }
      } catch {
        throw error.naming(tensor: info.name).inFile(path)
      }
      guard let first = census.firstIndex else { continue }
      findings.append(
        Finding(
          .error, "non-finite-values",
          "\(info.name) has \(census.description), at element \(first) of \(info.elementCount)",
          tensor: info.name))
    }
    return findings
  }
}

/// A count of the NaN and infinite elements of a floating-point tensor.
struct NonFiniteCensus {
  private(set) var count = 0
  private(set) var firstIndex: Int?

  /// The count, for a message that continues with the position of the first.
  var description: String {
    count == 1
      ? "one value that is NaN or infinite"
      : "\(count) values that are NaN or infinite, the first of them"
  }

  private let dtype: DType
  /// The number of elements that were checked.
  private var elementCount = 0

  /// Starts a count; nil for dtypes without such values, or that are not checked.
  init?(of dtype: DType) {
    guard [.float64, .float32, .bfloat16, .float16].contains(dtype) else { return nil }
    self.dtype = dtype
  }

  /// Counts in the next elements.
  mutating func add(_ bytes: RawSpan) {
    switch dtype {
    case .float64: scan(bytes, UInt64.self, exponent: 0x7FF0_0000_0000_0000)
    case .float32: scan(bytes, UInt32.self, exponent: 0x7F80_0000)
    case .bfloat16: scan(bytes, UInt16.self, exponent: 0x7F80)
    default: scan(bytes, UInt16.self, exponent: 0x7C00)
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
      if firstIndex == nil { firstIndex = elementCount + index }
    }
    elementCount += bytes.byteCount / size
  }
}
