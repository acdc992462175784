// SPDX-License-Identifier: Apache-2.0
import Files
import Pickle
import Tensors
import TestSupport
import Testing

@testable import CheckpointScan

/// Whatever a byte is changed to, the scan ends, and a name off the allowlist is never data only.
@Suite struct ScanMutationTests {
  @Test(
    arguments: [
      "good/ordered.bin", "good/legacy.bin", "code/reduce.bin", "code/legacy-trailing.bin",
    ])
  func everyByte(name: String) throws {
    let original = try bytes(of: ScanVectors.root + name)
    let directory = try TemporaryDirectory()
    for place in original.indices {
      let change: UInt8 = place.isMultiple(of: 2) ? 0x01 : 0xA0
      var mutant = original
      mutant[place] ^= change
      let report = try scan(mutant, in: directory)
      if report.verdict == .dataOnly {
        #expect(unknownNames(report) == [], "byte \(place) of \(name) ^ \(change)")
      }
      if name.hasPrefix("code/") {
        #expect(report.verdict != .dataOnly, "byte \(place) of \(name) ^ \(change)")
      }
    }
  }

  @Test(arguments: ["good/ordered.bin", "good/legacy.bin", "good/old.tar", "code/nested-zip.bin"])
  func truncations(name: String) throws {
    let original = try bytes(of: ScanVectors.root + name)
    let directory = try TemporaryDirectory()
    // Of the zeros at the end of a tar the first block is enough.
    let end = name.hasSuffix(".tar") ? 4 * 1024 + 512 : original.count
    for count in stride(from: 0, to: end, by: 3) {
      let report = try scan(Array(original[..<count]), in: directory)
      #expect(report.verdict != .dataOnly, "\(count) bytes of \(name)")
    }
  }

  /// Other values of all bytes of a pickle, without the zip around it that a checksum protects: of the
  /// first file a fifth of them, each at a fifth of the bytes; of the others opcodes.
  @Test(arguments: ["good/ordered.bin", "good/protocol-4.bin", "good/attributes.pt"])
  func everyByteOfThePickle(name: String) throws {
    let file = try bytes(of: ScanVectors.root + name)
    let report = try ScanVectors.scan(name)
    let place = try #require(report.pickles.first)
    let original = Array(file[place.offset..<place.offset + place.byteCount])
    let opcodes = Array("cRbioQ0.\u{01}".utf8)
    for index in original.indices {
      let values =
        name == "good/ordered.bin"
        ? stride(from: index % 5, through: 255, by: 5).map { UInt8($0) } : opcodes
      for value in values where value != original[index] {
        var mutant = original
        mutant[index] = value
        let machine = follow(mutant)
        if machine.findingCount == 0 {
          #expect(machine.pickle.names.allSatisfy { $0.isAllowed })
          #expect(machine.pickle.isComplete)
        }
        if machine.pickle.importsUnknownNames { #expect(machine.codeFindingCount > 0) }
      }
    }
  }

  /// Opcodes at random: nothing traps, nothing runs on.
  @Test func randomOpcodes() {
    let seed = UInt64.random(in: .min ... .max)
    var random = SeededGenerator(seed: seed)
    let opcodes = Opcode.allCases.map(\.rawValue)
    for _ in 0..<5000 {
      let bytes = (0..<Int.random(in: 1...80, using: &random)).map { _ in
        Bool.random(using: &random)
          ? opcodes.randomElement(using: &random) ?? 0 : UInt8.random(in: 0...12, using: &random)
      }
      let machine = follow(bytes)
      if machine.findingCount == 0 {
        #expect(machine.pickle.names.allSatisfy { $0.isAllowed }, "seed \(seed)")
      }
    }
  }

  private func follow(_ bytes: [UInt8]) -> ScanMachine {
    var machine = ScanMachine(
      ScannedPickle(place: "mutant", offsetBase: .file, offset: 0),
      in: .init(dialect: .torch))
    _ = machine.run(bytes.span.rawBytes)
    return machine
  }
}
