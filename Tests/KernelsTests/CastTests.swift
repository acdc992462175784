// SPDX-License-Identifier: Apache-2.0
import Kernels
import Tensors
import Testing

/// The rules K1 to K17 of spec/casts.md.
@Suite struct CastTests {
  static let instructionSets = InstructionSet.allCases.filter { $0.isAvailable }

  /// The elements cast, and what was counted.
  static func run(
    _ bytes: [UInt8], from source: DType, to target: DType, firstElement: Int = 0,
    set: InstructionSet = .best
  ) throws -> (bytes: [UInt8], counts: CastCounts) {
    let cast = try Cast(from: source, to: target)
    let count = bytes.count / cast.sourceElementByteCount
    var output = [UInt8](repeating: 0xA5, count: count * cast.destinationElementByteCount)
    var span = output.mutableSpan
    var raw = span.mutableBytes
    var counts = CastCounts()
    try cast.run(
      bytes.span.bytes, into: &raw, counts: &counts, firstElement: firstElement,
      instructionSet: set)
    return (output, counts)
  }

  /// What is left of the elements without their fractions; nil where no integer type holds them.
  static func integers(_ bytes: [UInt8], _ dtype: DType) throws -> [Int128?] {
    if dtype == .uint64 { return words(bytes).map { Int128($0) } }
    if dtype == .bool || CastVectors.integers.contains(dtype) {
      let wide = dtype == .int64 ? bytes : try run(bytes, from: dtype, to: .int64).bytes
      return words(wide).map { Int128(Int64(bitPattern: $0)) }
    }
    let wide = dtype == .float64 ? bytes : try run(bytes, from: dtype, to: .float64).bytes
    return words(wide).map { Int128(exactly: Double(bitPattern: $0).rounded(.towardZero)) }
  }

  static func words(_ bytes: [UInt8]) -> [UInt64] {
    bytes.withUnsafeBytes { buffer in
      stride(from: 0, to: buffer.count, by: 8).map {
        buffer.loadUnaligned(fromByteOffset: $0, as: UInt64.self)
      }
    }
  }

  static func range(_ dtype: DType) -> ClosedRange<Int128>? {
    func all<Integer: FixedWidthInteger>(_: Integer.Type) -> ClosedRange<Int128> {
      Int128(Integer.min)...Int128(Integer.max)
    }
    switch dtype {
    case .uint64: return all(UInt64.self)
    case .int64: return all(Int64.self)
    case .uint32: return all(UInt32.self)
    case .int32: return all(Int32.self)
    case .uint16: return all(UInt16.self)
    case .int16: return all(Int16.self)
    case .uint8: return all(UInt8.self)
    case .int8: return all(Int8.self)
    default: return nil
    }
  }

  /// The elements that the target holds, and those that it does not.
  static func split(
    _ bytes: [UInt8], _ values: [Int128?], of source: DType, for target: DType
  ) -> (held: [UInt8], refused: [UInt8]) {
    guard let range = range(target) else { return (bytes, []) }
    let size = source.bitCount / 8
    var (held, refused): ([UInt8], [UInt8]) = ([], [])
    for (index, value) in values.enumerated() {
      let element = bytes[index * size..<(index + 1) * size]
      if let value, range.contains(value) { held += element } else { refused += element }
    }
    return (held, refused)
  }

  @Test(arguments: CastVectors.sources)
  func everyPairGivesTorchsValues(source: DType) throws {
    let digests = try CastVectors.digests().filter { $0.source == source }
    #expect(digests.map(\.target) == CastVectors.targets.filter { $0 != source })
    let elements = CastVectors.elements(of: source)
    let values = try Self.integers(elements, source)
    for digest in digests {
      let (held, refused) = Self.split(elements, values, of: source, for: digest.target)
      let first = try Self.run(held, from: source, to: digest.target, set: .baseline)
      #expect(first.counts == digest.counts, "\(digest)")
      let canonical = CastVectors.canonical(first.bytes, digest.target)
      #expect(CastVectors.checksum(canonical) == digest.checksum, "\(digest)")
      for set in Self.instructionSets {
        let other = try Self.run(held, from: source, to: digest.target, set: set)
        #expect(other.bytes == first.bytes && other.counts == first.counts, "\(digest) \(set)")
      }
      // Each of them alone; of the many, some.
      let size = source.bitCount / 8
      let step = max(1, refused.count / size / 256)
      for index in stride(from: 0, to: refused.count / size, by: step) {
        let element = Array(refused[index * size..<(index + 1) * size])
        #expect(throws: CheckpointError.self, "\(digest) \(element)") {
          try Self.run(element, from: source, to: digest.target)
        }
      }
    }
  }

  @Test func boundariesRoundAsTorch() throws {
    for vector in try CastVectors.explicit() {
      let size = vector.source.bitCount / 8
      for (target, isAccepted, results) in vector.targets {
        var held: [UInt8] = []
        for (index, isAccepted) in isAccepted.enumerated() {
          let element = Array(vector.values[index * size..<(index + 1) * size])
          if isAccepted {
            held += element
          } else {
            #expect(throws: CheckpointError.self, "\(vector) -> \(target) \(element)") {
              try Self.run(element, from: vector.source, to: target)
            }
          }
        }
        for set in Self.instructionSets {
          let output = try Self.run(held, from: vector.source, to: target, set: set).bytes
          #expect(
            CastVectors.canonical(output, target) == results, "\(vector) -> \(target) \(set)")
        }
      }
    }
  }

  @Test(arguments: [DType.float32, .int64, .bfloat16], CastVectors.targets)
  func partsOfAnyLengthAndAlignmentGiveTheSame(source: DType, target: DType) throws {
    let cast = try Cast(from: source, to: target)
    let (from, to) = (cast.sourceElementByteCount, cast.destinationElementByteCount)
    // Numbers that every target holds.
    let numbers = (0..<600).map { Float($0 % 7) }
    let singles = numbers.flatMap { CastVectors.littleEndian($0.bitPattern) }
    let bytes =
      source == .float32 ? singles : try Self.run(singles, from: .float32, to: source).bytes
    let whole = try Self.run(bytes, from: source, to: target).bytes
    for set in Self.instructionSets {
      for count in [0, 1, 3, 15, 17, 63, 64, 65, 255, 256, 257, 511, 513, 600] {
        var output = [UInt8](repeating: 0xA5, count: 1 + count * to + 9)
        var span = output.mutableSpan
        var raw = span.mutableBytes
        var part = raw._mutatingExtracting(droppingFirst: 1)
        var counts = CastCounts()
        let moved = [0x5A, 0x5A, 0x5A] + bytes
        try cast.run(
          moved.span.bytes.extracting(3..<3 + count * from), into: &part, counts: &counts,
          instructionSet: set)
        #expect(output == [0xA5] + whole[..<(count * to)] + [UInt8](repeating: 0xA5, count: 9))
        #expect(counts.elements == (source == target ? 0 : count))
      }
    }
  }

  @Test func equalDTypesAreCopiedAndNotCounted() throws {
    for dtype in CastVectors.targets {
      let cast = try Cast(from: dtype, to: dtype)
      #expect(cast.isIdentity)
      // All bits set are NaN in every floating-point type, and no BOOL.
      let bytes = [UInt8](repeating: 0xFF, count: 3 * dtype.bitCount / 8)
      let output = try Self.run(bytes, from: dtype, to: dtype)
      #expect(output.bytes == bytes && output.counts == CastCounts(), "\(dtype)")
    }
  }

  @Test(
    arguments: [
      (.complex64, .float32, "C64 cannot be cast to F32: imaginary parts would be dropped"),
      (.complex64, .bool, "C64 cannot be cast to BOOL: imaginary parts would be dropped"),
      (.float4E2M1, .float32, "F4 cannot be cast to F32: elements must be whole bytes"),
      (.float32, .float4E2M1, "F32 cannot be cast to F4: elements must be whole bytes"),
      (.float6E2M3, .float6E2M3, "F6_E2M3 cannot be cast to F6_E2M3: elements must be whole bytes"),
      (.bool, .float6E3M2, "BOOL cannot be cast to F6_E3M2: elements must be whole bytes"),
    ] as [(DType, DType, String)])
  func refusesPairs(source: DType, target: DType, message: String) throws {
    let error = #expect(throws: CheckpointError.self) { try Cast(from: source, to: target) }
    #expect(error?.code == .unsupported && error?.message == message)
  }

  @Test(
    arguments: [
      (.float32, CastVectors.littleEndian(Float(300).bitPattern), .int8, "300.0", "-128 to 127"),
      (.float32, CastVectors.littleEndian(Float.nan.bitPattern), .int64, "nan", "\(Int64.min) to"),
      (.float64, CastVectors.littleEndian((-1.0).bitPattern), .uint64, "-1.0", "0 to 1844"),
      (.float64, CastVectors.littleEndian(0x1p63.bitPattern), .int64, "9.223372036854776e+18", "-"),
      (.float16, [0x00, 0x7C], .uint8, "inf", "0 to 255"),
      (.float8E8M0FNU, [0xFF], .int32, "nan", "-2147483648 to 2147483647"),
      (.uint64, CastVectors.littleEndian(UInt64.max), .int64, "18446744073709551615", "-"),
      (.int64, CastVectors.littleEndian(Int64(-1)), .uint64, "-1", "0 to"),
      (.int32, CastVectors.littleEndian(Int32(65536)), .uint16, "65536", "0 to 65535"),
      (.uint8, [0x80], .int8, "128", "-128 to 127"),
    ] as [(DType, [UInt8], DType, String, String)])
  func namesTheElementThatAnIntegerTypeDoesNotHold(
    source: DType, element: [UInt8], target: DType, value: String, range: String
  ) throws {
    let zeros = [UInt8](repeating: 0, count: 300 * element.count)
    let bytes = (source == .float8E8M0FNU ? zeros.map { _ in 0x7F } : zeros) + element + element
    for set in Self.instructionSets {
      let error = #expect(throws: CheckpointError.self) {
        try Self.run(bytes, from: source, to: target, firstElement: 1000, set: set)
      }
      #expect(error?.code == .invalidArgument)
      let message = error?.message ?? ""
      #expect(
        message.hasPrefix("element 1300 is \(value), and \(target) holds \(range)"), "\(message)")
    }
  }

  @Test func countsAddUpOverPartsAndStayOnErrors() throws {
    let cast = try Cast(from: .float32, to: .float8E4M3FN)
    let values: [Float] = [1, 449, 464, 465, -.infinity, .nan]
    let bytes = values.flatMap { CastVectors.littleEndian($0.bitPattern) }
    var output = [UInt8](repeating: 0, count: 6)
    var span = output.mutableSpan
    var raw = span.mutableBytes
    var counts = CastCounts()
    try cast.run(bytes.span.bytes, into: &raw, counts: &counts)
    try cast.run(bytes.span.bytes, into: &raw, counts: &counts)
    var expected = CastCounts()
    (expected.elements, expected.saturated, expected.nan) = (12, 4, 2)
    #expect(counts == expected && counts + CastCounts() == expected)
    #expect(throws: CheckpointError.self) {
      try Cast(from: .float32, to: .int8).run(bytes.span.bytes, into: &raw, counts: &counts)
    }
    #expect(counts == expected)
  }
}
