// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import GGUF
import Kernels
import SafeTensors
import Tensors
import TestSupport
import Testing

/// An archive whose pieces have a size of their own.
private final class PiecewiseArchive: ArchiveDecorator {
  let base: any TensorArchive
  private let size: Int

  init(_ base: any TensorArchive, of size: Int) {
    (self.base, self.size) = (base, size)
  }

  func readTensor(
    at index: Int, to sink: (RawSpan) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try base.withTensor(at: index) { view throws(CheckpointError) in
      var offset = 0
      while offset < view.bytes.byteCount {
        let end = min(offset + size, view.bytes.byteCount)
        try sink(view.bytes.extracting(offset..<end))
        offset = end
      }
    }
  }
}

@Suite("Quantized tensors in other dtypes")
struct QuantizedTests {
  private static let decoded: [DType] = [
    .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2_K, .q3_K, .q4_K, .q5_K, .q6_K,
  ]

  @Test("what the package dequantizes, to the bit (GG15)", arguments: decoded)
  func dequantize(dtype: DType) throws {
    let expected = try SafeTensorsFile(path: fixture("written/dequantized.safetensors"))
    let archive = try opened("written/quantized.gguf")
    let dtypes = archive.tensors.map { $0.dtype == dtype ? .float32 : $0.dtype }
    let name = TensorName(dtype.name)
    let place = try #require(expected.index(of: name))
    for size in [1 << 20, 1000, 7] {
      let pieces = PiecewiseArchive(archive, of: size)
      let record = CastRecord()
      let cast = try CastArchive(pieces, to: dtypes, record: record)
      let index = try #require(cast.index(of: name))
      #expect(cast.tensor(at: index).shape == expected.tensor(at: place).shape)
      #expect(try data(of: cast, at: index) == data(of: expected, at: place))
      #expect(record.entries.map(\.counts.elements) == [6 * dtype.block.elementCount])
    }
  }

  @Test("what the package quantizes, to the byte (GG16)", arguments: [1 << 20, 52])
  func quantize(size: Int) throws {
    let expected = try opened("written/q8_0.gguf")
    let plain = PiecewiseArchive(
      try SafeTensorsFile(path: fixture("written/plain.safetensors")), of: size)
    let cast = try CastArchive(
      plain, to: plain.tensors.map { _ in .q8_0 }, record: CastRecord())
    #expect(cast.tensorCount == 5)
    for index in 0..<cast.tensorCount {
      let place = try #require(expected.index(of: cast.tensor(at: index).name))
      #expect(cast.tensor(at: index).byteCount == expected.tensor(at: place).byteCount)
      #expect(try data(of: cast, at: index) == data(of: expected, at: place))
    }
  }

  @Test("by way of F32 (GG15, GG16)")
  func otherDTypes() throws {
    let archive = try opened("written/q8_0.gguf")
    let wide = try CastArchive(
      archive, to: archive.tensors.map { _ in .float32 }, record: CastRecord())
    for dtype in [DType.bfloat16, .float16, .float64] {
      let direct = try CastArchive(
        archive, to: archive.tensors.map { _ in dtype }, record: CastRecord())
      let twice = try CastArchive(
        wide, to: archive.tensors.map { _ in dtype }, record: CastRecord())
      let back = try CastArchive(
        twice, to: archive.tensors.map { _ in .q8_0 }, record: CastRecord())
      for index in 0..<archive.tensorCount where archive.tensor(at: index).name != "large" {
        #expect(try data(of: direct, at: index) == data(of: twice, at: index))
        if dtype == .float64 {
          // Decoded numbers are multiples of the scale, but for the rounding of the scale to F16.
          #expect(try data(of: back, at: index).count == data(of: archive, at: index).count)
        }
      }
    }
  }

  @Test("what Q8_0 cannot hold is refused, with the element (GG16)")
  func refusedValues() throws {
    let cast = try Cast(from: .float32, to: .q8_0)
    #expect(cast.unitElementCount == 32)
    #expect(cast.sourceUnitByteCount == 128)
    #expect(cast.destinationUnitByteCount == 34)
    for (value, isRefused) in [
      (Float.infinity, true), (.nan, true), (-.infinity, true), (1e7, true), (8.3e6, false),
      (65504 * 127, false), (.leastNonzeroMagnitude, false), (-0.0, false),
    ] {
      var values = [Float](repeating: 0.5, count: 64)
      values[40] = value
      var output = [UInt8](repeating: 0, count: 68)
      var counts = CastCounts()
      var message = ""
      do throws(CheckpointError) {
        var bytes = output.mutableRawBytes
        try cast.run(values.span.bytes, into: &bytes, counts: &counts, firstElement: 32)
        #expect(counts.elements == 64)
      } catch {
        message = error.message
      }
      #expect(message.isEmpty != isRefused, "\(value)")
      #expect(!isRefused || message.hasPrefix("element 72 is "), "\(message)")
      #expect(!isRefused || counts.elements == 0)
    }
  }

  @Test("casts that do not exist (GG15 to GG17)")
  func refusedCasts() throws {
    for dtype in DType.allCases where dtype.isQuantized {
      if !Self.decoded.contains(dtype) {
        #expect(throws: CheckpointError.self) { try Cast(from: dtype, to: .float32) }
      }
      if dtype != .q8_0 {
        #expect(throws: CheckpointError.self) { try Cast(from: .float32, to: dtype) }
      }
    }
    #expect(throws: CheckpointError.self) { try Cast(from: .float4E2M1, to: .q8_0) }
    #expect(throws: CheckpointError.self) { try Cast(from: .complex64, to: .q8_0) }
    let odd = try ZeroArchive([("x", .float32, [64, 33])])
    let error = #expect(throws: CheckpointError.self) {
      try CastArchive(odd, to: [.q8_0], record: CastRecord())
    }
    #expect(error?.tensor == "x")
    #expect(error?.message == "rows of 33 elements do not fill whole blocks of Q8_0, which have 32")
  }

  @Test("infinities and NaN of scales are counted (K16)")
  func scales() throws {
    let cast = try Cast(from: .q8_0, to: .float32)
    // A scale of infinity, and the numbers 0 and 1.
    let block: [UInt8] = [0x00, 0x7C] + [0, 1] + [UInt8](repeating: 2, count: 30)
    var output = [UInt8](repeating: 0, count: 128)
    var counts = CastCounts()
    var bytes = output.mutableRawBytes
    try cast.run(block.span.bytes, into: &bytes, counts: &counts)
    #expect(counts.nan == 1)
    #expect(counts.infinite == 31)
  }
}
