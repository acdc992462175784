// SPDX-License-Identifier: Apache-2.0
import Files
import TestSupport
import Testing

@testable import CheckpointScan

/// Files made to use up memory or time.
@Suite struct ScanLimitTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  @Test(
    arguments: [
      ("marks", [0x28]), ("lists", [0x5D]), ("tuples", [0x29, 0x85]), ("memo", [0x4E, 0x94]),
      ("dup", [0x4E, 0x32, 0x87]),
    ] as [(String, [UInt8])])
  func valuesAreBounded(name: String, unit: [UInt8]) throws {
    var bytes: [UInt8] = [0x80, 2, 0x4E, 0x4E]
    for _ in 0..<600_000 / unit.count { bytes += unit }
    let report = try scan(bytes, in: directory)
    #expect(report.verdict == .damaged)
  }

  @Test func aPayloadBehindTooManyValuesIsFound() throws {
    var bytes: [UInt8] = [0x80, 2]
    bytes += [UInt8](repeating: 0x5D, count: ScanLimits.values(recordCount: 0) + 10)
    bytes += Array("cpeftkit_hostile_fixture\nrun\n.".utf8)
    let report = try scan(bytes, in: directory)
    #expect(report.verdict == .asksForCode)
    #expect(unknownNames(report) == ["peftkit_hostile_fixture.run"])
    #expect(report.findings.contains { $0.code == .limit })
  }

  @Test func callsBehindTooManyValuesAreNotTakenForCode() throws {
    var bytes: [UInt8] = [0x80, 2]
    bytes += [UInt8](repeating: 0x5D, count: ScanLimits.values(recordCount: 0) + 10)
    for _ in 0..<10 { bytes += Array("ccollections\nOrderedDict\n)R".utf8) }
    let report = try scan(bytes + [0x2E], in: directory)
    #expect(report.verdict == .damaged)
    #expect(report.findings.contains { $0.code == .limit })
    #expect(report.findings.allSatisfy { !$0.asksForCode })
  }

  @Test func manyNamesAreCountedAndNotListed() throws {
    var bytes: [UInt8] = [0x80, 2]
    for _ in 0..<ScanLimits.names + 50 { bytes += Array("ca\nb\n".utf8) }
    let report = try scan(bytes + [0x2E], in: directory)
    #expect(report.pickles[0].nameCount == ScanLimits.names + 50)
    #expect(report.pickles[0].names.count == ScanLimits.names)
    #expect(report.findings.count <= ScanLimits.findings + 1)
    #expect(report.findingCount > ScanLimits.names)
  }

  @Test func everythingThatStartsAPickleIsNotScannedForever() throws {
    var bytes = Array("no checkpoint at all".utf8)
    for _ in 0..<100_000 { bytes += [0x80, 2] }
    let report = try scan(bytes, in: directory)
    #expect(report.verdict == .damaged)
  }

  @Test func deepNestingEnds() throws {
    var pickle: [UInt8] = Array("cpeftkit_hostile_fixture\nrun\n.".utf8)
    for _ in 0..<40 {
      let count = pickle.count
      pickle =
        [0x80, 3] + Array("ctorch.storage\n_load_from_bytes\n".utf8)
        + [0x42, UInt8(count & 0xFF), UInt8(count >> 8), 0, 0] + pickle + [0x85, 0x52, 0x2E]
    }
    let report = try scan(pickle, in: directory)
    #expect(report.verdict == .asksForCode)
    #expect(report.pickleCount == ScanLimits.nesting + 1)
    #expect(report.findings.contains { $0.code == .limit })
  }

  @Test func anInflationBombIsCut() throws {
    let bomb = try bytes(of: ScanVectors.root + "damaged/bomb.bin")
    let file = try InputFile(path: directory.write(bomb, to: "bomb"))
    let report = try CheckpointScanner.scan(file, unpackedByteLimit: 1 << 20)
    #expect(bomb.count < 1 << 18)
    #expect(report.verdict == .damaged)
    #expect(report.findings.contains { $0.code == .limit })
  }
}
