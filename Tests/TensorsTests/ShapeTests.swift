// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@Suite("Shapes")
struct ShapeTests {
  @Test(
    "elements are counted without wrapping",
    arguments: [
      ([], 1), ([0], 0), ([7], 7), ([2, 3, 4], 24), ([2, 0, 3], 0), ([1 << 32, 1 << 31], 1 << 63),
      ([1 << 32, 1 << 32], nil), ([.max], .max), ([.max, 1], .max), ([.max, 2], nil),
      ([0, .max, .max], 0), ([.max, 0], 0), ([.max, 2, 0], nil),
      // 2^64 wrapped would be 0, and (2^63 + 2) * 2 would be 4.
      ([1 << 63, 2], nil), ([1 << 63 + 2, 2], nil),
    ] as [([UInt], UInt?)])
  func elementCount(dimensions: [UInt], expected: UInt?) {
    #expect(Shape(dimensions).elementCount == expected)
    #expect(Shape.elementCount(of: dimensions.span) == expected)
  }

  @Test(
    "bytes of one and of eight elements",
    arguments: [
      (.uint64, 8, 64), (.int64, 8, 64), (.float64, 8, 64), (.complex64, 8, 64), (.float32, 4, 32),
      (.uint32, 4, 32), (.int32, 4, 32), (.bfloat16, 2, 16), (.float16, 2, 16), (.uint16, 2, 16),
      (.int16, 2, 16), (.float8E5M2FNUZ, 1, 8), (.float8E4M3FNUZ, 1, 8), (.float8E8M0FNU, 1, 8),
      (.float8E4M3FN, 1, 8), (.float8E5M2, 1, 8), (.int8, 1, 8), (.uint8, 1, 8),
      (.float6E3M2, nil, 6), (.float6E2M3, nil, 6), (.float4E2M1, nil, 4), (.bool, 1, 8),
    ] as [(DType, Int?, Int)])
  func sizes(dtype: DType, one: Int?, eight: Int) throws {
    #expect(dtype.byteCount == one)
    #expect((try? Shape([1]).byteCount(of: dtype)) == one)
    #expect((try? Shape([UInt]()).byteCount(of: dtype)) == one)
    #expect(try Shape([2, 4]).byteCount(of: dtype) == eight)
    #expect(try Shape([8, 0]).byteCount(of: dtype) == 0)
    #expect(DType(name: dtype.name) == dtype)
  }

  @Test(
    "types of 4 and 6 bits fill whole bytes or have no size",
    arguments: [
      (.float4E2M1, [1], nil), (.float4E2M1, [2], 1), (.float4E2M1, [3], nil),
      (.float4E2M1, [3, 2], 3), (.float4E2M1, [], nil), (.float6E2M3, [1], nil),
      (.float6E2M3, [2], nil), (.float6E2M3, [3], nil), (.float6E2M3, [4], 3),
      (.float6E3M2, [2, 2], 3), (.float6E3M2, [6], nil), (.float6E3M2, [0], 0),
    ] as [(DType, Shape, Int?)])
  func subByteSizes(dtype: DType, shape: Shape, expected: Int?) {
    #expect((try? shape.byteCount(of: dtype)) == expected)
  }

  @Test(
    "bits are counted without wrapping",
    arguments: [
      (.uint8, [1 << 61 - 1], 1 << 61 - 1), (.uint8, [1 << 61], nil), (.float64, [1 << 58], nil),
      (.float64, [1 << 58 - 1], 1 << 61 - 8), (.float4E2M1, [1 << 62], nil),
      (.float4E2M1, [1 << 62 - 2], 1 << 61 - 1), (.uint8, [1 << 61 + 4], nil),
      (.uint8, [.max, .max], nil), (.float64, [.max, 0], 0), (.float64, [0, .max, .max], 0),
    ] as [(DType, [UInt], Int?)])
  func bitCounts(dtype: DType, dimensions: [UInt], expected: Int?) {
    #expect((try? Shape(dimensions).byteCount(of: dtype)) == expected)
  }

  @Test("descriptions are Python's lists")
  func descriptions() {
    #expect(Shape([Int]()).description == "[]")
    #expect(([2, 8, 1] as Shape).description == "[2, 8, 1]")
    #expect(Shape([UInt.max]).description == "[18446744073709551615]")
  }

  @Test(
    "dtypes are spelled exactly", arguments: ["", "f32", "F32 ", "FP32", "F8", "F8_E4M3FN", "U8\0"])
  func unknownDTypes(name: String) {
    #expect(DType(name: name) == nil)
  }

  @Test("a negative extent is a caller's bug")
  func negative() async {
    await #expect(processExitsWith: .failure) { _ = Shape([2, -1]) }
  }

  @Test("a tensor without a size is refused by name")
  func info() throws {
    #expect(try TensorInfo(name: "x", dtype: .float16, shape: [3, 5]).byteCount == 30)
    #expect(try TensorInfo(name: "x", dtype: .float64, shape: []).elementCount == 1)
    let error = #expect(throws: CheckpointError.self) {
      try TensorInfo(name: "x", dtype: .float4E2M1, shape: [5])
    }
    #expect(error?.tensor == "x")
    #expect(error?.code == .malformed)
  }
}
