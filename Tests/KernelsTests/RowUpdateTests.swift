// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing
import TestSupport

@testable import Kernels

@Suite("updates of rows")
struct RowUpdateTests {
  /// Rows, columns and ranks around the sizes of tiles, registers and shares.
  static let shapes: [(Int, Int, Int)] = [
    (1, 1, 1), (2, 3, 0), (4, 15, 1), (5, 16, 2), (6, 17, 3), (11, 64, 16), (7, 65, 8),
    (3, 129, 64),
    (9, 515, 5), (483, 33, 4), (2, 1030, 512),
  ]

  static let implementations: [KernelImplementation] =
    InstructionSet.allCases.filter(\.isAvailable).map { .instructionSet($0) }

  private struct Numbers {
    var state: UInt64

    mutating func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }

    /// Mostly moderate numbers, and some of each special kind.
    mutating func element(_ format: FloatFormat, special: Bool) -> UInt64 {
      let random = next()
      let number = Double(Int64(bitPattern: next())) * 0x1p-63
      let plain = format.bits(rounding: number)
      guard special else { return plain }
      let largest: Double = format == .float16 ? 65504 : format == .float64 ? 1e308 : 3.38e38
      let smallest: Double =
        format == .float16 ? 0x1p-24 : format == .float64 ? 0x1p-1074 : 0x1p-133
      switch random % 41 {
      case 0: return format.bits(rounding: .nan)
      case 1: return format.bits(rounding: .infinity)
      case 2: return format.bits(rounding: -.infinity)
      case 3: return format.bits(rounding: -0.0)
      case 4: return format.bits(rounding: largest)
      case 5: return format.bits(rounding: -largest)
      case 6, 7: return format.bits(rounding: smallest * Double(random % 9))
      case 8: return format.bits(rounding: 0)
      default: return plain
      }
    }

    mutating func bytes(_ count: Int, _ format: FloatFormat, special: Bool = false) -> [UInt8] {
      var bytes: [UInt8] = []
      for _ in 0..<count {
        let bits = element(format, special: special)
        for byte in 0..<format.byteCount {
          bytes.append(UInt8(truncatingIfNeeded: bits >> (8 * byte)))
        }
      }
      return bytes
    }
  }

  private struct Operands {
    let rows: [UInt8]
    let left: [UInt8]
    let right: [UInt8]
    let addend: [UInt8]
    let rowFactors: [UInt8]
    let columnFactors: [UInt8]

    init(_ shape: (Int, Int, Int), _ format: FloatFormat, special: Bool, seed: UInt64) {
      let (rows, width, rank) = shape
      let accumulator = RowUpdate.accumulator(of: format)
      var numbers = Numbers(state: seed &* 0x9E37_79B9_7F4A_7C15 | 1)
      self.rows = numbers.bytes(rows * width, format, special: special)
      left = numbers.bytes(rows * rank, accumulator, special: special)
      right = numbers.bytes(rank * width, accumulator, special: special)
      addend = numbers.bytes(rows * width, accumulator, special: special)
      rowFactors = numbers.bytes(rows, accumulator, special: special)
      columnFactors = numbers.bytes(width, accumulator, special: special)
    }
  }

  /// The result of every kind of update, and the sums.
  private struct Results: Equatable {
    var bytes: [[UInt8]] = []
    var sums: [[UInt64]] = []

    mutating func add(_ bytes: [UInt8], _ sums: UpdateSums) {
      self.bytes.append(bytes)
      // A NaN has any sign and payload.
      let numbers = sums.changes + sums.added + sums.products
      self.sums.append(
        numbers.map { $0.isNaN ? 0x7FF8_0000_0000_0000 : $0.bitPattern }
          + [UInt64(sums.changedCount)])
    }
  }

  private func run(
    _ shape: (Int, Int, Int), _ format: FloatFormat, _ operands: Operands,
    _ implementation: KernelImplementation, threads: Int = 1
  ) -> Results {
    let update = RowUpdate(
      format: format, width: shape.1, implementation: implementation, threadCount: threads)
    var scratch = UpdateScratch()
    var results = Results()
    for (hasAddend, rounds) in [(false, false), (false, true), (true, false), (true, true)] {
      var rows = operands.rows
      var bytes = rows.mutableRawBytes
      let addend = hasAddend ? operands.addend.span.rawBytes : RawSpan()
      let sums = update.add(
        to: &bytes, left: operands.left.span.rawBytes, right: operands.right.span.rawBytes,
        rank: shape.2, addend: addend, roundsChange: rounds, scratch: &scratch)
      results.add(rows, sums)
    }
    var totals = [UInt8](
      repeating: 0, count: shape.0 * shape.1 * update.accumulator.byteCount)
    do {
      var bytes = totals.mutableRawBytes
      update.total(
        of: operands.rows.span.rawBytes, left: operands.left.span.rawBytes,
        right: operands.right.span.rawBytes, rank: shape.2, into: &bytes, scratch: &scratch)
    }
    // Of NaN only that it is one.
    let format = update.accumulator
    results.add(
      (0..<shape.0 * shape.1).flatMap { index in
        let value = format.value(of: index, in: totals.span.rawBytes)
        return withUnsafeBytes(
          of: value.isNaN ? Double.nan.bitPattern : value.bitPattern, Array.init)
      }, UpdateSums())
    for kind in 0..<3 {
      var rows = operands.rows
      var bytes = rows.mutableRawBytes
      let sums = update.replace(
        &bytes, by: operands.addend.span.rawBytes,
        rowFactors: kind == 1 ? operands.rowFactors.span.rawBytes : RawSpan(),
        columnFactors: kind == 2 ? operands.columnFactors.span.rawBytes : RawSpan(),
        scratch: &scratch)
      results.add(rows, sums)
    }
    return results
  }

  @Test("all instruction sets and thread counts give the bits of the reference", arguments: shapes)
  func bits(rows: Int, width: Int, rank: Int) {
    let shape = (rows, width, rank)
    for format in FloatFormat.allCases {
      for special in [false, true] {
        let operands = Operands(
          shape, format, special: special, seed: UInt64(rows + width * 1000 + rank * 77))
        let expected = run(shape, format, operands, .reference)
        for implementation in Self.implementations {
          let isSame = run(shape, format, operands, implementation) == expected
          #expect(isSame, "\(format) \(implementation) special: \(special)")
        }
        let isSame = run(shape, format, operands, .automatic, threads: 3) == expected
        #expect(isSame, "\(format) on three threads, special: \(special)")
      }
    }
  }

  @Test("a large update is shared among threads without a change of bits")
  func shares() {
    let shape = (300, 2100, 12)
    let operands = Operands(shape, .bfloat16, special: false, seed: 5)
    let one = run(shape, .bfloat16, operands, .automatic, threads: 1)
    let isSame = run(shape, .bfloat16, operands, .automatic, threads: 4) == one
    #expect(isSame)
  }

  @Test(
    "sums are within the bound of the exact sum, and rounded once", arguments: FloatFormat.allCases)
  func exactness(format: FloatFormat) {
    let (rows, width, rank) = (13, 70, 9)
    let operands = Operands((rows, width, rank), format, special: false, seed: 3)
    let update = RowUpdate(format: format, width: width)
    var scratch = UpdateScratch()
    var result = operands.rows
    var bytes = result.mutableRawBytes
    let sums = update.add(
      to: &bytes, left: operands.left.span.rawBytes, right: operands.right.span.rawBytes,
      rank: rank, scratch: &scratch)
    let accumulator = update.accumulator
    let unit = accumulator == .float64 ? 0x1p-53 : 0x1p-24
    var (changes, added) = (0.0, 0.0)
    for index in 0..<rows * width {
      let (row, column) = index.quotientAndRemainder(dividingBy: width)
      var (delta, magnitude) = (0.0, 0.0)
      for r in 0..<rank {
        let term =
          accumulator.value(of: row * rank + r, in: operands.left.span.rawBytes)
          * accumulator.value(of: r * width + column, in: operands.right.span.rawBytes)
        delta += term
        magnitude += abs(term)
      }
      let weight = format.value(of: index, in: operands.rows.span.rawBytes)
      let found = format.value(of: index, in: result.span.rawBytes)
      let slack = Double(rank + 3) * unit * (magnitude + abs(weight))
      let low = format.value(ofBits: format.bits(rounding: weight + delta - slack))
      let high = format.value(ofBits: format.bits(rounding: weight + delta + slack))
      #expect(low <= found && found <= high)
      changes += delta * delta
      added += (found - weight) * (found - weight)
    }
    #expect(abs(sums.changeSquares / changes - 1) < 1e-5)
    #expect(abs(sums.addedSquares / added - 1) < 1e-5)
  }

  @Test("NaN, infinity and overflow go through, and are seen in the sums")
  func specials() {
    let update = RowUpdate(format: .float16, width: 2)
    var scratch = UpdateScratch()
    func result(_ weight: Float, _ left: Float, _ right: Float) -> (UInt16, Bool) {
      let bits = Binary16(weight).bitPattern
      var rows = [UInt8](truncatingIfNeeded: bits, twice: true)
      var bytes = rows.mutableRawBytes
      let l = FloatFormat.float32.bytes(left), r = FloatFormat.float32.bytes(right, right)
      let sums = update.add(
        to: &bytes, left: l.span.rawBytes, right: r.span.rawBytes, rank: 1, scratch: &scratch)
      return (UInt16(rows[0]) | UInt16(rows[1]) << 8, sums.areFinite)
    }
    #expect(result(1, 0.5, 1) == (Binary16(Float(1.5)).bitPattern, true))
    #expect(result(65504, 100, 1) == (0x7C00, false))
    #expect(result(-65504, -100, 1) == (0xFC00, false))
    #expect(result(.infinity, 1, 1) == (0x7C00, false))
    #expect(result(.nan, 1, 1) == (0x7E00, false))
    #expect(result(1, .infinity, 0) == (0x7E00, false))
    #expect(result(0, 0x1p-12, 0x1p-12) == (1, true))
    #expect(result(0, 0x1p-12, 0x1p-13) == (0, true))
  }

  @Test("squares of rows and columns are those of the values")
  func squares() {
    let update = RowUpdate(format: .bfloat16, width: 19)
    var numbers = Numbers(state: 99)
    let totals = numbers.bytes(19 * 4, .float32)
    var rows = [Double](repeating: 0, count: 4)
    var columns = [Double](repeating: 1, count: 19)
    update.addSquares(of: totals.span.rawBytes, to: &rows, isByColumn: false)
    update.addSquares(of: totals.span.rawBytes, to: &columns, isByColumn: true)
    let values = (0..<76).map { FloatFormat.float32.value(of: $0, in: totals.span.rawBytes) }
    for row in 0..<4 {
      let exact = values[row * 19..<(row + 1) * 19].reduce(0) { $0 + $1 * $1 }
      #expect(abs(rows[row] / exact - 1) < 1e-14)
    }
    for column in 0..<19 {
      let exact = (0..<4).reduce(1.0) { $0 + values[$1 * 19 + column] * values[$1 * 19 + column] }
      #expect(abs(columns[column] / exact - 1) < 1e-14)
    }
  }
}

extension [UInt8] {
  fileprivate init(truncatingIfNeeded bits: UInt16, twice: Bool) {
    let bytes = [UInt8(truncatingIfNeeded: bits), UInt8(truncatingIfNeeded: bits >> 8)]
    self = bytes + bytes
  }
}

extension FloatFormat {
  fileprivate func bytes(_ values: Float...) -> [UInt8] {
    values.flatMap { value in
      (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt32($0))) }
    }
  }
}
