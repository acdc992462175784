// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@Suite struct DTypeTests {
  /// K18 of spec/casts.md. The names are those of `torch.dtype`s, as printed by torch 2.13.
  @Test(
    arguments: [
      ("float64", .float64), ("double", .float64), ("float32", .float32), ("float", .float32),
      ("float16", .float16), ("half", .float16), ("bfloat16", .bfloat16),
      ("torch.bfloat16", .bfloat16), ("torch.half", .float16), ("complex64", .complex64),
      ("cfloat", .complex64), ("float8_e4m3fn", .float8E4M3FN), ("float8_e5m2", .float8E5M2),
      ("float8_e4m3fnuz", .float8E4M3FNUZ), ("float8_e5m2fnuz", .float8E5M2FNUZ),
      ("float8_e8m0fnu", .float8E8M0FNU), ("float4_e2m1fn_x2", .float4E2M1),
      ("int64", .int64), ("long", .int64), ("int32", .int32), ("int", .int32), ("int16", .int16),
      ("short", .int16), ("int8", .int8), ("uint64", .uint64), ("uint32", .uint32),
      ("uint16", .uint16), ("uint8", .uint8), ("bool", .bool),
    ] as [(String, DType)])
  func torchNames(name: String, dtype: DType) {
    #expect(DType(torchName: name) == dtype)
  }

  @Test(
    arguments: [
      "", "torch.", "torch", "torch.torch.half", "F32", "Float32", "FLOAT", " half", "half ",
      "complex128", "float8", "e4m3fn", "float6_e2m3", "torch.nn", "int128", "h\u{61}lf\u{301}",
    ])
  func otherNamesAreNone(name: String) {
    #expect(DType(torchName: name) == nil)
  }

  @Test func torchNamesComeBack() {
    for dtype in DType.allCases {
      guard let name = dtype.torchName else {
        #expect(dtype == .float6E3M2 || dtype == .float6E2M3 || dtype.isQuantized)
        continue
      }
      #expect(DType(torchName: name) == dtype)
      #expect(DType(torchName: "torch." + name) == dtype)
    }
  }
}
