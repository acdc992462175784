// SPDX-License-Identifier: Apache-2.0
import Kernels
import TestSupport
import Tensors

/// What `Vectors/generate_casts.py` writes with torch; see the README beside it.
enum CastVectors {
  /// What can be cast to another dtype.
  static let sources = DType.allCases.filter { $0.byteCount != nil && $0 != .complex64 }
  static let targets = DType.allCases.filter { $0.byteCount != nil }
  static let integers: [DType] = [
    .uint64, .int64, .uint32, .int32, .uint16, .int16, .int8, .uint8,
  ]

  /// What torch makes of `elements(of: source)`: of those that the target holds.
  struct Digest: CustomStringConvertible {
    var source: DType
    var target: DType
    var accepted: Int
    var checksum: UInt32
    var counts: CastCounts

    var description: String { "\(source) -> \(target)" }
  }

  static func digests() throws -> [Digest] {
    let text = String(decoding: try Vectors.bytes("casts.txt"), as: UTF8.self)
    return text.split(separator: "\n").map { line in
      let fields = line.split(separator: " ").map(String.init)
      let numbers = fields[4...].compactMap { Int($0) }
      var counts = CastCounts()
      counts.elements = Int(fields[2])!
      (counts.saturated, counts.infinite, counts.infiniteFromFinite) =
        (numbers[0], numbers[1], numbers[2])
      (counts.nan, counts.nanFromNumber, counts.signLost) = (numbers[3], numbers[4], numbers[5])
      return Digest(
        source: DType(name: fields[0])!, target: DType(name: fields[1])!, accepted: Int(fields[2])!,
        checksum: UInt32(fields[3], radix: 16)!, counts: counts)
    }
  }

  /// Values in full, each with what torch makes of it.
  struct Explicit: CustomStringConvertible {
    var source: DType
    var values: [UInt8]
    /// For each target: which values it holds, and the results for those.
    var targets: [(dtype: DType, isAccepted: [Bool], results: [UInt8])]

    var description: String { source.name }
  }

  static func explicit() throws -> [Explicit] {
    let bytes = try Vectors.bytes("casts.bin")
    var reader = ByteReader(bytes.span.bytes)
    var found: [Explicit] = []
    for source in [DType.float32, .float64, .uint32, .int32, .uint64, .int64] {
      let count = Int(try reader.readLittleEndian(UInt32.self))
      let values = try reader.readArray(count * source.bitCount / 8)
      var targets: [(DType, [Bool], [UInt8])] = []
      for target in Self.targets where target != source {
        let isAccepted = try reader.readArray(count).map { $0 != 0 }
        let accepted = isAccepted.count { $0 }
        targets.append((target, isAccepted, try reader.readArray(accepted * target.bitCount / 8)))
      }
      found.append(Explicit(source: source, values: values, targets: targets))
    }
    return found
  }

  /// Every element of a dtype of 8 or 16 bits; else random ones, the same as the script draws.
  static func elements(of dtype: DType) -> [UInt8] {
    switch dtype.bitCount {
    case 8: return Array(0...UInt8.max)
    case 16: return (0...UInt16.max).flatMap { littleEndian($0) }
    default: break
    }
    var generator = SeededGenerator(seed: UInt64(CastVectors.targets.firstIndex(of: dtype)!))
    return (0..<16384).flatMap { index -> [UInt8] in
      let word = generator.next()
      switch dtype {
      case .float32: return littleEndian(single(word, index))
      case .float64:
        let value = Float(bitPattern: single(word, index))
        let bits = value.isNaN ? 0x7FF8 << 48 : Double(value).bitPattern
        return littleEndian(bits &+ (word >> 10 & 1) &- (word >> 11 & 1))
      case .uint64: return littleEndian(word >> (word & 63))
      case .int64: return littleEndian(Int64(bitPattern: word) >> Int64(word & 63))
      case .uint32: return littleEndian(UInt32(word >> 32) >> UInt32(word & 31))
      default: return littleEndian(Int32(truncatingIfNeeded: word >> 32) >> Int32(word & 31))
      }
    }
  }

  /// An F32 of any size, or a moderate one with trailing zeros.
  private static func single(_ word: UInt64, _ index: Int) -> UInt32 {
    let high = UInt32(word >> 32)
    if index.isMultiple(of: 4) { return high }
    let low = UInt32(truncatingIfNeeded: word)
    let dropped = 3 + (low & 15)
    return ((high & 0x807F_FFFF) >> dropped) << dropped | (87 + (low >> 4 & 63)) << 23
  }

  static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  /// CRC-32, as zlib computes it.
  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { $0 >> 8 ^ checksumTable[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
  }

  private static let checksumTable: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { word, _ in word >> 1 ^ (word & 1 == 0 ? 0 : 0xEDB8_8320) }
  }

  /// The elements with every NaN made the same one, as the script does.
  static func canonical(_ bytes: [UInt8], _ dtype: DType) -> [UInt8] {
    switch dtype {
    case .float64: replaceNaN(bytes, above: 0x7FF0 << 48, by: UInt64(0x7FF8 << 48))
    case .float32, .complex64: replaceNaN(bytes, above: 0x7F80 << 16, by: UInt32(0x7FC0 << 16))
    case .bfloat16: replaceNaN(bytes, above: 0x7F80, by: UInt16(0x7FC0))
    case .float16: replaceNaN(bytes, above: 0x7C00, by: UInt16(0x7E00))
    case .float8E5M2: replaceNaN(bytes, above: 0x7C, by: UInt8(0x7F))
    case .float8E4M3FN: replaceNaN(bytes, above: 0x7E, by: UInt8(0x7F))
    default: bytes
    }
  }

  private static func replaceNaN<Bits: FixedWidthInteger & UnsignedInteger>(
    _ bytes: [UInt8], above infinity: Bits, by nan: Bits
  ) -> [UInt8] {
    var bytes = bytes
    bytes.withUnsafeMutableBytes { buffer in
      for offset in stride(from: 0, to: buffer.count, by: MemoryLayout<Bits>.size) {
        let bits = buffer.loadUnaligned(fromByteOffset: offset, as: Bits.self)
        if bits & (Bits.max >> 1) > infinity {
          buffer.storeBytes(of: nan, toByteOffset: offset, as: Bits.self)
        }
      }
    }
    return bytes
  }
}
