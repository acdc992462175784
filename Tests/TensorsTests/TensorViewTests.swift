// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

/// The shape and bytes of some rows of a tensor of the bytes 0, 1, 2, ...; nil when that is refused.
private func rows(
  _ dtype: DType, _ dimensions: [UInt], _ range: Range<Int>
) throws -> (shape: Shape, bytes: [UInt8])? {
  let shape = Shape(dimensions)
  let bytes = try (0..<shape.byteCount(of: dtype)).map { UInt8(truncatingIfNeeded: $0) }
  let view = TensorView(dtype: dtype, shape: shape, bytes: bytes.span.rawBytes)
  do throws(CheckpointError) {
    let rows = try view.rows(range)
    #expect(rows.dtype == dtype)
    return (
      rows.shape,
      (0..<rows.bytes.byteCount).map { rows.bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    )
  } catch {
    #expect(error.code == .invalidArgument)
    return nil
  }
}

private struct RowsCase: CustomTestStringConvertible, Sendable {
  let dtype: DType
  let dimensions: [UInt]
  let range: Range<Int>
  /// The bytes that must come out; nil when the rows cannot be lent.
  let expected: Range<Int>?

  var testDescription: String { "rows \(range) of \(dtype) \(dimensions)" }

  init(_ dtype: DType, _ dimensions: [UInt], _ range: Range<Int>, _ expected: Range<Int>?) {
    self.dtype = dtype
    self.dimensions = dimensions
    self.range = range
    self.expected = expected
  }
}

@Suite("Views of tensors")
struct TensorViewTests {
  @Test(
    "rows along the outermost axis",
    arguments: [
      RowsCase(.uint8, [6], 0..<6, 0..<6), .init(.uint8, [6], 2..<3, 2..<3),
      .init(.uint8, [6], 6..<6, 6..<6), .init(.uint8, [6], 0..<0, 0..<0),
      .init(.float32, [3, 2], 1..<3, 8..<24), .init(.float64, [2, 1, 2], 1..<2, 16..<32),
      .init(.uint8, [6], 0..<7, nil), .init(.uint8, [6], 7..<7, nil),
      .init(.uint8, [6], -1..<2, nil), .init(.uint8, [6], 0..<Int.max, nil),
      .init(.uint8, [6], Int.min..<0, nil), .init(.uint8, [], 0..<1, nil),
      .init(.uint8, [], 0..<0, nil),
      // Half bytes: a row of 3 is one and a half.
      .init(.float4E2M1, [4, 3], 0..<2, 0..<3), .init(.float4E2M1, [4, 3], 2..<4, 3..<6),
      .init(.float4E2M1, [4, 3], 0..<1, nil), .init(.float4E2M1, [4, 3], 1..<3, nil),
      .init(.float4E2M1, [4, 2], 1..<3, 1..<3), .init(.float6E2M3, [8], 4..<8, 3..<6),
      .init(.float6E2M3, [8], 2..<4, nil), .init(.float6E3M2, [4, 2], 2..<4, 3..<6),
      // Nothing in it.
      .init(.float32, [0], 0..<0, 0..<0), .init(.float32, [0], 0..<1, nil),
      .init(.float32, [3, 0], 1..<3, 0..<0), .init(.float32, [0, .max], 0..<0, 0..<0),
      .init(.float32, [0, .max, .max], 0..<0, 0..<0),
      .init(.float32, [.max, 0], 5..<Int.max, 0..<0),
      .init(.float4E2M1, [.max, 0], 1..<2, 0..<0),
      .init(.float64, [1 << 62, 0, 1 << 62], 9..<10, 0..<0),
    ])
  fileprivate func rows(_ test: RowsCase) throws {
    let found = try TensorsTests.rows(test.dtype, test.dimensions, test.range)
    #expect(found?.bytes == test.expected.map { $0.map { UInt8($0) } })
    if test.expected != nil {
      let dimensions = [UInt(test.range.count)] + test.dimensions.dropFirst()
      #expect(found?.shape == Shape(dimensions))
    }
  }

  @Test("rows of rows")
  func nested() throws {
    let bytes = (0..<24).map { UInt8($0) }
    let view = TensorView(dtype: .uint8, shape: [4, 3, 2], bytes: bytes.span.rawBytes)
    let inner = try view.rows(1..<4).rows(2..<3)
    #expect(inner.shape == [1, 3, 2])
    #expect(inner.bytes.unsafeLoad(fromByteOffset: 0, as: UInt8.self) == 18)
  }

  @Test("bytes that do not match the shape are a caller's bug")
  func mismatch() async {
    await #expect(processExitsWith: .failure) {
      let bytes: [UInt8] = [1, 2, 3]
      _ = TensorView(dtype: .uint8, shape: [4], bytes: bytes.span.rawBytes)
    }
    await #expect(processExitsWith: .failure) {
      let bytes: [UInt8] = [1]
      _ = TensorView(dtype: .float4E2M1, shape: [1], bytes: bytes.span.rawBytes)
    }
  }
}
