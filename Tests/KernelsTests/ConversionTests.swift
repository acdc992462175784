// SPDX-License-Identifier: Apache-2.0
import Kernels
import TestSupport
import Testing

@Suite struct ConversionTests {
  /// Every bit pattern of a half type.
  static let allHalves = (0...UInt16.max).flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }

  @Test func binary16IsFloat16() {
    #if !(os(macOS) && arch(x86_64))
      for bits in 0...UInt16.max {
        let native = Float16(bitPattern: bits)
        let ours = Binary16(bitPattern: bits)
        #expect(ours.float.bitPattern == Float(native).bitPattern)
        if !native.isNaN { #expect(Binary16(ours.float).bitPattern == bits) }
      }
      var generator = SeededGenerator(seed: 3)
      for _ in 0..<100_000 {
        let value = Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &generator))
        #expect(Binary16(value).bitPattern == Float16(value).bitPattern)
      }
    #endif
  }

  @Test func roundsAsTorch() throws {
    for conversion in try Vectors.conversions() {
      for (target, expected) in conversion.targets {
        for implementation in vectorImplementations + [.reference] {
          let output = convertElements(
            conversion.values.span.bytes, from: conversion.source, to: target,
            implementation: implementation)
          let comparison = ValueComparison(
            output.span.bytes, expected.span.bytes, format: target)
          #expect(comparison.isEqual, "\(conversion.source) -> \(target) \(implementation)")
        }
      }
    }
  }

  @Test(arguments: FloatFormat.allCases, FloatFormat.allCases)
  func everyInstructionSetGivesTheBitsOfTheReference(source: FloatFormat, target: FloatFormat) {
    var generator = SeededGenerator(seed: 11)
    var bytes = Self.allHalves
    if !source.isHalf { bytes = Problem.random(5003, source, true, &generator) }
    let reference = convertElements(
      bytes.span.bytes, from: source, to: target, implementation: .reference)
    #expect(reference.count == bytes.count / source.byteCount * target.byteCount)
    for implementation in vectorImplementations {
      let output = convertElements(
        bytes.span.bytes, from: source, to: target, implementation: implementation)
      #expect(output == reference, "\(implementation)")
      let misaligned = convertElements(
        ([0] + bytes).span.bytes.extracting(droppingFirst: 1), from: source, to: target,
        implementation: implementation)
      #expect(misaligned == reference, "\(implementation)")
    }
  }

  @Test func halvesComeBackFromWiderFormats() {
    for half in [FloatFormat.bfloat16, .float16] {
      for wide in [FloatFormat.float32, .float64] {
        let widened = convertElements(Self.allHalves.span.bytes, from: half, to: wide)
        let narrowed = convertElements(widened.span.bytes, from: wide, to: half)
        let comparison = ValueComparison(
          narrowed.span.bytes, Self.allHalves.span.bytes, format: half)
        #expect(comparison.isEqual)
      }
    }
  }

  @Test(
    arguments: [
      (65519.996, 65504), (65520, .infinity), (0x1p-25, 0), (0x1.000002p-25, 0x1p-24),
      (0x1.8p-24, 0x1p-23), (-0x1p-26, -0.0), (0x1.ff8p-15, 0x1.ff8p-15), (0x1.ffcp-15, 0x1p-14),
      // By way of F32: rounded twice.
      (1 + 0x1p-11 + 0x1p-40, 1),
    ] as [(Double, Double)])
  func boundariesOfF16(value: Double, rounded: Double) {
    #expect(Double(Binary16(value).float) == rounded)
  }

  @Test(
    arguments: [
      (Double(Float.greatestFiniteMagnitude), .infinity), (0x1.fep127, 0x1.fep127),
      (1 + 0x1p-8, 1), (1 + 0x1p-8 + 0x1p-23, 1 + 0x1p-7), (1 + 0x1.8p-7, 1 + 0x1p-6),
      (0x1p-134, 0), (0x1.8p-134, 0x1p-133), (1 + 0x1p-8 + 0x1p-40, 1),
    ] as [(Double, Double)])
  func boundariesOfBF16(value: Double, rounded: Double) {
    #expect(Double(BFloat16(value).float) == rounded)
  }
}
