// SPDX-License-Identifier: Apache-2.0
import Kernels
import Tensors
import TestSupport
import Testing

/// The elements of a dtype, as a table of bits.
struct SurveyedBits: CustomTestStringConvertible, Sendable {
  let dtype: DType
  /// Bits that are NaN or infinite.
  let special: [UInt64]
  /// Bits of other values that are not zero, the largest and smallest among them.
  let finite: [UInt64]
  /// Bits that are zero.
  let zeros: [UInt64]

  var testDescription: String { dtype.name }
  var byteCount: Int { dtype.bitCount / 8 }

  /// The bits of the number 1, in the types that it is told of.
  var one: UInt64? {
    switch dtype {
    case .float64: Double(1).bitPattern
    case .float32: UInt64(Float(1).bitPattern)
    case .bfloat16: UInt64(Float(1).bitPattern >> 16)
    case .float16: 0x3C00
    default: nil
    }
  }

  static let all: [SurveyedBits] = [
    Self(
      dtype: .float64, special: [0x7FF0 << 48, 0xFFF0 << 48, 0x7FF8 << 48, 0x7FF0 << 48 | 1, .max],
      finite: [1, 1 << 63 | 1, 0x7FEF_FFFF_FFFF_FFFF, 0xFFEF_FFFF_FFFF_FFFF, 0x3FF0 << 48],
      zeros: [0, 1 << 63]),
    Self(
      dtype: .float32, special: [0x7F80_0000, 0xFF80_0000, 0x7FC0_0000, 0x7F80_0001],
      finite: [1, 0x8000_0001, 0x7F7F_FFFF, 0xFF7F_FFFF, 0x3F80_0000], zeros: [0, 0x8000_0000]),
    Self(
      dtype: .bfloat16, special: [0x7F80, 0xFF80, 0x7FC0, 0x7F81, 0xFFFF],
      finite: [1, 0x8001, 0x7F7F, 0xFF7F, 0x3F80, 0x7C00], zeros: [0, 0x8000]),
    Self(
      dtype: .float16, special: [0x7C00, 0xFC00, 0x7E00, 0x7C01, 0xFFFF],
      finite: [1, 0x8001, 0x7BFF, 0xFBFF, 0x3C00], zeros: [0, 0x8000]),
    Self(
      dtype: .float8E5M2, special: [0x7C, 0xFC, 0x7D, 0xFF], finite: [1, 0x81, 0x7B, 0xFB],
      zeros: [0, 0x80]),
    Self(
      dtype: .float8E4M3FN, special: [0x7F, 0xFF], finite: [1, 0x81, 0x7E, 0xFE], zeros: [0, 0x80]),
    Self(dtype: .float8E5M2FNUZ, special: [0x80], finite: [1, 0x7F, 0xFF, 0x7C], zeros: [0]),
    Self(dtype: .float8E4M3FNUZ, special: [0x80], finite: [1, 0x7F, 0xFF], zeros: [0]),
    Self(dtype: .float8E8M0FNU, special: [0xFF], finite: [1, 0x7F, 0xFE], zeros: [0]),
    Self(dtype: .int64, special: [], finite: [1, .max, 0x7FF0 << 48], zeros: [0]),
    Self(dtype: .uint32, special: [], finite: [1, 0xFFFF_FFFF, 0x7F80_0000], zeros: [0]),
    Self(dtype: .int16, special: [], finite: [1, 0x8000, 0x7F80], zeros: [0]),
    Self(dtype: .bool, special: [], finite: [1, 0xFF], zeros: [0]),
  ]

  func bytes(_ elements: [UInt64]) -> [UInt8] {
    elements.flatMap { element in
      (0..<byteCount).map { UInt8(truncatingIfNeeded: element >> (8 * UInt64($0))) }
    }
  }
}

/// spec/findings.md, G4.
@Suite("Surveys of values")
struct ValueSurveyTests {
  static let instructionSets = InstructionSet.allCases.filter(\.isAvailable)

  @Test("each special value, each zero and each other value is told", arguments: SurveyedBits.all)
  func elements(_ bits: SurveyedBits) {
    for set in Self.instructionSets {
      for element in bits.special + bits.finite + bits.zeros {
        var survey = ValueSurvey(of: bits.dtype)
        survey.add(bits.bytes([element]).span.bytes, instructionSet: set)
        let name = "\(String(element, radix: 16)) \(set)"
        #expect(survey.elementCount == 1, "\(name)")
        #expect(survey.nonFiniteCount == (bits.special.contains(element) ? 1 : 0), "\(name)")
        #expect(survey.firstNonFinite == (bits.special.contains(element) ? 0 : nil), "\(name)")
        #expect(survey.isZero == bits.zeros.contains(element), "\(name)")
        #expect(survey.isOne == (element == bits.one), "\(name)")
      }
    }
  }

  @Test(
    "random elements, at any alignment and in any parts, give what a loop gives",
    arguments: SurveyedBits.all, instructionSets)
  func parts(_ bits: SurveyedBits, _ set: InstructionSet) {
    let seed = UInt64.random(in: 0 ... .max)
    var generator = SeededGenerator(seed: seed)
    for round in 0..<8 {
      let count = [0, 1, 7, 63, 64, 65, 5000, 9000].randomElement(using: &generator) ?? 1
      // Mostly zeros, so that the ends of them matter.
      let elements = (0..<count).map { _ -> UInt64 in
        switch Int.random(in: 0..<3000, using: &generator) {
        case 0: bits.special.randomElement(using: &generator) ?? 0
        case 1...(round.isMultiple(of: 2) ? 2 : 2000):
          bits.finite.randomElement(using: &generator) ?? 0
        default: bits.zeros.randomElement(using: &generator) ?? 0
        }
      }
      let shift = Int.random(in: 0..<9, using: &generator)
      let bytes = [UInt8](repeating: 0xA5, count: shift) + bits.bytes(elements)
      var survey = ValueSurvey(of: bits.dtype)
      var start = 0
      while start < count {
        let end = Int.random(in: start + 1...count, using: &generator)
        let part = bytes.span.bytes.extracting(
          shift + start * bits.byteCount..<shift + end * bits.byteCount)
        var next = ValueSurvey(of: bits.dtype)
        next.add(part, instructionSet: set)
        if Bool.random(using: &generator) {
          survey.append(next)
        } else {
          survey.add(part, instructionSet: set)
        }
        start = end
      }
      let special = elements.indices.filter { bits.special.contains(elements[$0]) }
      let last = elements.lastIndex { !bits.zeros.contains($0) }
      #expect(survey.elementCount == count, "seed \(seed)")
      #expect(survey.nonFiniteCount == special.count, "seed \(seed)")
      #expect(survey.firstNonFinite == special.first, "seed \(seed)")
      #expect(survey.nonzeroEnd == (last ?? -1) + 1, "seed \(seed)")
      let isOne = count > 0 && elements.allSatisfy { $0 == bits.one }
      #expect(survey.isOne == isOne, "seed \(seed)")
      #expect(survey.trailingZeroCount == count - (last ?? -1) - 1, "seed \(seed)")
    }
  }

  @Test("of floats of less than 8 bits the bytes are told")
  func subByte() {
    var survey = ValueSurvey(of: .float4E2M1)
    let bytes: [UInt8] = [0, 0, 1, 0]
    survey.add(bytes.span.bytes)
    #expect(survey.elementCount == 4 && survey.nonzeroEnd == 3)
    #expect(survey.nonFiniteCount == 0)
  }
}
