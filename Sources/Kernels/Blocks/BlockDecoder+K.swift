// SPDX-License-Identifier: Apache-2.0
internal import Tensors

// Blocks of 256 elements in groups of 16 or 32, each with a scale of its own. The bits of 32 elements,
// or of 64 in Q6_K, are in as many bytes; those of the next elements are in higher bits of them.

extension BlockDecoder {
  static func decodeQ2_K(_ block: RawSpan, _ output: inout MutableRawSpan) {
    let (scale, least) = (block.half(at: 80), block.half(at: 82))
    for group in 0..<16 {
      let factors = block.byte(at: group)
      let groupScale = scale * Float(factors & 0x0F)
      let groupLeast = least * Float(factors >> 4)
      for element in 16 * group..<16 * group + 16 {
        let product = groupScale * Float(block.pair(of: element, from: 16))
        output.store(product - groupLeast, at: element)
      }
    }
  }

  static func decodeQ3_K(_ block: RawSpan, _ output: inout MutableRawSpan) {
    let scale = block.half(at: 108)
    for group in 0..<16 {
      let low = block.byte(at: 96 + group % 8) >> (group < 8 ? 0 : 4) & 0x0F
      let high = block.byte(at: 104 + group % 4) >> UInt8(2 * (group / 4)) & 3
      let groupScale = scale * Float(Int(low | high << 4) - 32)
      for element in 16 * group..<16 * group + 16 {
        // The third bit is set where nothing is subtracted.
        let bit = block.bit(of: element, from: 0) ^ 1
        let number = Int(block.pair(of: element, from: 32)) - Int(bit << 2)
        output.store(groupScale * Float(number), at: element)
      }
    }
  }

  static func decodeQ4_K(_ block: RawSpan, _ output: inout MutableRawSpan) {
    decodeHalves(block, halves: 16, bits: nil, &output)
  }

  static func decodeQ5_K(_ block: RawSpan, _ output: inout MutableRawSpan) {
    decodeHalves(block, halves: 48, bits: 16, &output)
  }

  /// Decodes Q4_K and Q5_K, which differ in the fifth bits.
  @inline(__always)
  private static func decodeHalves(
    _ block: RawSpan, halves: Int, bits: Int?, _ output: inout MutableRawSpan
  ) {
    let (scale, least) = (block.half(at: 0), block.half(at: 2))
    for group in 0..<8 {
      let factors = factors(of: group, in: block)
      let groupScale = scale * Float(factors.scale)
      let groupLeast = least * Float(factors.least)
      for index in 0..<32 {
        let byte = block.byte(at: halves + 32 * (group / 2) + index)
        var number = group.isMultiple(of: 2) ? byte & 0x0F : byte >> 4
        if let bits { number |= (block.byte(at: bits + index) >> UInt8(group) & 1) << 4 }
        let product = groupScale * Float(number)
        output.store(product - groupLeast, at: 32 * group + index)
      }
    }
  }

  /// The scale and the least number of a group of Q4_K and Q5_K: 6 bits each, in twelve bytes.
  private static func factors(of group: Int, in block: RawSpan) -> (scale: UInt8, least: UInt8) {
    let (first, second) = (block.byte(at: 4 + group % 4), block.byte(at: 8 + group % 4))
    guard group >= 4 else { return (first & 0x3F, second & 0x3F) }
    let third = block.byte(at: 12 + group % 4)
    return (third & 0x0F | first >> 2 & 0x30, third >> 4 | second >> 2 & 0x30)
  }

  static func decodeQ6_K(_ block: RawSpan, _ output: inout MutableRawSpan) {
    let scale = block.half(at: 208)
    for group in 0..<16 {
      let groupScale = scale * Float(Int8(bitPattern: block.byte(at: 192 + group)))
      for element in 16 * group..<16 * group + 16 {
        let byte = block.byte(at: 64 * (element / 128) + element % 64)
        let low = (element / 64).isMultiple(of: 2) ? byte & 0x0F : byte >> 4
        let high = block.pair(of: element, from: 128)
        output.store(groupScale * Float(Int(low | high << 4) - 32), at: element)
      }
    }
  }
}

extension RawSpan {
  /// The two bits of an element: four elements share a byte, 32 apart.
  @inline(__always)
  fileprivate func pair(of element: Int, from offset: Int) -> UInt8 {
    byte(at: offset + 32 * (element / 128) + element % 32) >> UInt8(2 * (element / 32 % 4)) & 3
  }

  /// The bit of an element: eight elements share a byte, 32 apart.
  @inline(__always)
  fileprivate func bit(of element: Int, from offset: Int) -> UInt8 {
    byte(at: offset + element % 32) >> UInt8(element / 32) & 1
  }
}
