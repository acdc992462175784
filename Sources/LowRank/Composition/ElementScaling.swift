// SPDX-License-Identifier: Apache-2.0
internal import Kernels
internal import Tensors

/// A cast of elements that are multiplied by a factor: each product is taken in F64 and cast once. A
/// factor of 1 is the cast alone, and within a dtype changes no bits.
struct ElementScaling {
  private let cast: Cast
  private let widening: Cast?
  private let factor: Double
  private var wide: [UInt8] = []

  /// The number of elements that are multiplied at a time.
  private static let blockElementCount = 1 << 13

  /// - Throws: `unsupported` for a cast that does not exist, and for a factor of anything but
  ///   numbers with fractions.
  init(from source: DType, to destination: DType, factor: Double) throws(CheckpointError) {
    self.factor = factor
    guard factor != 1 else {
      cast = try Cast(from: source, to: destination)
      widening = nil
      return
    }
    guard source.isFloatingPoint, destination.isFloatingPoint else {
      throw CheckpointError(
        .unsupported, "\(source) cannot be scaled and cast to \(destination)")
    }
    widening = try Cast(from: source, to: .float64)
    cast = try Cast(from: .float64, to: destination)
  }

  /// Whether elements are copied bit by bit.
  var copiesBits: Bool { widening == nil && cast.isIdentity }
  /// The size of a destination element in bytes.
  var destinationByteCount: Int { cast.destinationElementByteCount }
  /// The size of a source element in bytes.
  var sourceByteCount: Int { (widening ?? cast).sourceElementByteCount }

  /// Scales and casts whole elements, from the start of `bytes` to the start of `output`.
  mutating func run(
    _ bytes: RawSpan, into output: inout MutableRawSpan, counts: inout CastCounts
  ) throws(CheckpointError) {
    guard let widening else { return try cast.run(bytes, into: &output, counts: &counts) }
    let count = bytes.byteCount / sourceByteCount
    var wide = self.wide
    self.wide = []
    if wide.isEmpty { wide = [UInt8](repeating: 0, count: Self.blockElementCount * 8) }
    var ignored = CastCounts()
    var first = 0
    while first < count {
      let end = min(count, first + Self.blockElementCount)
      let part = bytes.extracting(first * sourceByteCount..<end * sourceByteCount)
      var buffer = wide.mutableRawBytes
      var block = buffer._mutatingExtracting(0..<(end - first) * 8)
      try widening.run(part, into: &block, counts: &ignored)
      for index in 0..<end - first {
        // SAFETY: the element is inside the block; every bit pattern is a valid number.
        let value = unsafe block.bytes.unsafeLoadUnaligned(
          fromByteOffset: index * 8, as: Double.self)
        block.storeBytes(of: value * factor, toByteOffset: index * 8, as: Double.self)
      }
      var place = output._mutatingExtracting(
        first * destinationByteCount..<end * destinationByteCount)
      try cast.run(block.bytes, into: &place, counts: &counts)
      first = end
    }
    self.wide = wide
  }
}
