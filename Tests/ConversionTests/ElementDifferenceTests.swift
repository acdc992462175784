// SPDX-License-Identifier: Apache-2.0
import Archives
import Checkpoints
import Conversion
import Files
import Kernels
import Tensors
import TestSupport
import Testing

@Suite("Differences of elements")
struct ElementDifferenceTests {
  typealias Largest = DifferenceVector.Largest

  private func check(_ differences: ElementDifferences, _ vector: DifferenceVector) {
    #expect(differences.differentCount == vector.different)
    #expect(differences.unequalCount == vector.unequal)
    #expect(differences.nanCount == vector.nan)
    #expect(differences.largestULPDistance.map { Largest($0.value, $0.index) } == vector.ulp)
    #expect(
      differences.largestAbsolute.map { Largest($0.value.bitPattern, $0.index) } == vector.absolute)
    #expect(
      differences.largestRelative.map { Largest($0.value.bitPattern, $0.index) } == vector.relative)
    #expect(differences.largestInteger.map { Largest($0.value, $0.index) } == vector.integer)
  }

  @Test("there are vectors of all kinds")
  func vectorsExist() {
    #expect(DifferenceVector.all.count >= 28)
    #expect(DifferenceVector.all.contains { $0.ulp != nil && $0.relative != nil && $0.nan > 0 })
  }

  @Test("are those that numpy and torch find (L30, L31)", arguments: DifferenceVector.all)
  func vector(_ vector: DifferenceVector) throws {
    let comparison = try CheckpointComparison(
      Checkpoint.open(path: Vectors.path("left.safetensors")),
      Checkpoint.open(path: Vectors.path("right.safetensors")))
    let change = try #require(
      comparison.changed.first { $0.name == TensorName(vector.name) })
    check(try #require(change.elements), vector)
  }

  @Test("are the same when the data comes in pieces", arguments: DifferenceVector.all)
  func pieces(_ vector: DifferenceVector) throws {
    let left = try Checkpoint.open(path: Vectors.path("left.safetensors"))
    let right = try Checkpoint.open(path: Vectors.path("right.safetensors"))
    let index = try #require(left.index(of: TensorName(vector.name)))
    let other = try #require(right.index(of: TensorName(vector.name)))
    try left.withTensor(at: index) { left throws(CheckpointError) in
      try right.withTensor(at: other) { right throws(CheckpointError) in
        guard var differences = ElementDifferences(left.dtype, right.dtype) else {
          throw .invalidArgument("not comparable")
        }
        // Pieces of 7 elements, or of 7 bytes where elements are smaller.
        let leftSize = max(left.dtype.bitCount / 8, 1), rightSize = max(right.dtype.bitCount / 8, 1)
        let count = left.bytes.byteCount / leftSize
        for start in stride(from: 0, to: count, by: 7) {
          let end = min(start + 7, count)
          differences.add(
            left.bytes.extracting(start * leftSize..<end * leftSize),
            right.bytes.extracting(start * rightSize..<end * rightSize))
        }
        check(differences, vector)
      }
    }
  }

  @Test(
    "elements of 6 bits are counted across bytes and pieces (L30)",
    arguments: [
      (name: "one, within a byte", bytes: [1, 0, 0], count: 1),
      (name: "one, across two bytes", bytes: [0x80, 0x01, 0], count: 1),
      (name: "two in one byte", bytes: [0x81, 0, 0], count: 2),
      (name: "the last", bytes: [0, 0, 0x80], count: 1),
      (name: "all four", bytes: [0xFF, 0xFF, 0xFF], count: 4),
      (name: "five, in two groups", bytes: [0xFF, 0xFF, 0xFF, 1, 0, 0], count: 5),
    ] as [(name: String, bytes: [UInt8], count: Int)])
  func sixBits(name: String, bytes: [UInt8], count: Int) throws {
    let zeros = [UInt8](repeating: 0, count: bytes.count)
    for pieceSize in 1...bytes.count {
      var differences = try #require(ElementDifferences(.float6E3M2, .float6E3M2))
      for start in stride(from: 0, to: bytes.count, by: pieceSize) {
        let piece = Array(bytes[start..<min(start + pieceSize, bytes.count)])
        differences.add(piece.span.bytes, zeros.span.bytes.extracting(first: piece.count))
      }
      #expect(differences.differentCount == count)
      #expect(differences.unequalCount == nil)
    }
  }

  @Test("dtypes that have no values in common are not compared (L31)")
  func incomparable() {
    #expect(ElementDifferences(.float32, .int32) == nil)
    #expect(ElementDifferences(.int32, .uint32) == nil)
    #expect(ElementDifferences(.float32, .complex64) == nil)
    #expect(ElementDifferences(.float8E4M3FN, .float4E2M1) == nil)
    #expect(ElementDifferences(.float8E4M3FN, .float8E5M2) != nil)
    #expect(ElementDifferences(.bfloat16, .float16) != nil)
  }

  @Test("equal data is no difference, whatever its length", arguments: DType.allCases)
  func equal(dtype: DType) throws {
    let bytes = [UInt8](repeating: 0x7F, count: 24 * 1000)
    var differences = try #require(ElementDifferences(dtype, dtype))
    differences.add(bytes.span.bytes, bytes.span.bytes)
    differences.add(RawSpan(), RawSpan())
    #expect(differences.isEmpty)
    #expect(differences.differentCount == 0)
  }
}
