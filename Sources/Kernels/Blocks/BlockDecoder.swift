// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The decoding of a quantized dtype's blocks to F32, as the gguf package computes it, with the same
/// roundings in the same order (spec/gguf.md GG15).
struct BlockDecoder: Sendable {
  private let dtype: DType

  /// The decoder of a dtype; nil for dtypes that are not decoded.
  init?(_ dtype: DType) {
    switch dtype {
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2_K, .q3_K, .q4_K, .q5_K, .q6_K: self.dtype = dtype
    default: return nil
    }
  }

  /// Decodes whole blocks.
  ///
  /// - Parameter output: memory for the F32 of all elements, of any alignment.
  /// - Complexity: O(blocks), no allocation.
  func decode(_ blocks: RawSpan, into output: inout MutableRawSpan) {
    switch dtype {
    case .q4_0: forEachBlock(blocks, &output, Self.decodeQ4_0)
    case .q4_1: forEachBlock(blocks, &output, Self.decodeQ4_1)
    case .q5_0: forEachBlock(blocks, &output, Self.decodeQ5_0)
    case .q5_1: forEachBlock(blocks, &output, Self.decodeQ5_1)
    case .q8_0: forEachBlock(blocks, &output, Self.decodeQ8_0)
    case .q2_K: forEachBlock(blocks, &output, Self.decodeQ2_K)
    case .q3_K: forEachBlock(blocks, &output, Self.decodeQ3_K)
    case .q4_K: forEachBlock(blocks, &output, Self.decodeQ4_K)
    case .q5_K: forEachBlock(blocks, &output, Self.decodeQ5_K)
    default: forEachBlock(blocks, &output, Self.decodeQ6_K)
    }
  }

  @inline(__always)
  private func forEachBlock(
    _ blocks: RawSpan, _ output: inout MutableRawSpan,
    _ decode: (RawSpan, inout MutableRawSpan) -> Void
  ) {
    let block = dtype.block
    let size = 4 * block.elementCount
    for index in 0..<blocks.byteCount / block.byteCount {
      let start = index * block.byteCount
      var part = output._mutatingExtracting(index * size..<(index + 1) * size)
      decode(blocks.extracting(start..<start + block.byteCount), &part)
    }
  }

  // Blocks of 32 elements: the low halves of the bytes, then the high ones.

  private static func decodeQ4_0(_ block: RawSpan, _ output: inout MutableRawSpan) {
    let scale = block.half(at: 0)
    for index in 0..<32 {
      output.store(scale * Float(Int(block.half(of: index, from: 2)) - 8), at: index)
    }
  }

  private static func decodeQ4_1(_ block: RawSpan, _ output: inout MutableRawSpan) {
    let (scale, least) = (block.half(at: 0), block.half(at: 2))
    for index in 0..<32 {
      let product = scale * Float(block.half(of: index, from: 4))
      output.store(product + least, at: index)
    }
  }

  private static func decodeQ5_0(_ block: RawSpan, _ output: inout MutableRawSpan) {
    let scale = block.half(at: 0)
    for index in 0..<32 {
      let bit = block.byte(at: 2 + index / 8) >> UInt8(index % 8) & 1
      let number = Int(block.half(of: index, from: 6) | bit << 4) - 16
      output.store(scale * Float(number), at: index)
    }
  }

  private static func decodeQ5_1(_ block: RawSpan, _ output: inout MutableRawSpan) {
    let (scale, least) = (block.half(at: 0), block.half(at: 2))
    for index in 0..<32 {
      let bit = block.byte(at: 4 + index / 8) >> UInt8(index % 8) & 1
      let product = scale * Float(block.half(of: index, from: 8) | bit << 4)
      output.store(product + least, at: index)
    }
  }

  private static func decodeQ8_0(_ block: RawSpan, _ output: inout MutableRawSpan) {
    let scale = block.half(at: 0)
    for index in 0..<32 {
      let number = Int8(bitPattern: block.byte(at: 2 + index))
      output.store(Float(number) * scale, at: index)
    }
  }
}

extension RawSpan {
  /// The F16 at an offset, as F32.
  func half(at offset: Int) -> Float {
    Binary16(bitPattern: UInt16(byte(at: offset)) | UInt16(byte(at: offset + 1)) << 8).float
  }

  /// The half of a byte that belongs to an element of a block of 32 whose bytes start at an offset.
  fileprivate func half(of element: Int, from offset: Int) -> UInt8 {
    let byte = byte(at: offset + element % 16)
    return element < 16 ? byte & 0x0F : byte >> 4
  }
}

extension MutableRawSpan {
  /// Stores the F32 of an element.
  @inline(__always)
  mutating func store(_ value: Float, at element: Int) {
    storeBytes(of: value, toByteOffset: 4 * element, as: Float.self)
  }
}
