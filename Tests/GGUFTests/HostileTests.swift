// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import Foundation
import GGUF
import Tensors
import TestSupport
import Testing

/// Files that are refused, with a part of the message.
private let refusals: [(name: String, code: CheckpointError.Code, message: String)] = [
  ("alignment-huge", .unsupported, "more than the 1048576"),
  ("alignment-odd", .malformed, "a power of two"),
  ("alignment-type", .malformed, "a uint32"),
  ("alignment-zero", .malformed, "a power of two"),
  ("array-length", .truncated, "18446744073709551615 elements"),
  ("array-length-overflow", .truncated, "2305843009213693953 elements"),
  ("array-nesting", .malformed, "nested more than 8 deep"),
  ("array-of-arrays-length", .truncated, "1152921504606846976 elements"),
  ("array-of-strings-length", .truncated, "1152921504606846976 elements"),
  ("array-type", .malformed, "key \"a\": unknown value type 99"),
  ("block", .malformed, "rows of 2 elements do not fill whole blocks of Q8_0"),
  ("block-scalar", .malformed, "rows of 1 elements do not fill"),
  ("data-cut", .truncated, "too few for 1 of 2 tensors"),
  ("data-missing", .truncated, "ends too early"),
  ("dimensions", .malformed, "has 5 dimensions"),
  ("dimensions-huge", .malformed, "has 4294967295 dimensions"),
  ("key-count", .truncated, "18446744073709551615 keys"),
  ("key-length", .truncated, "18446744073709551615 bytes"),
  ("key-length-just-too-long", .truncated, "a text of 1000 bytes"),
  ("key-not-utf-8", .malformed, "a key is not UTF-8"),
  ("key-twice", .malformed, "duplicate key \"a\""),
  ("magic", .malformed, "does not start with GGUF"),
  ("offset-gap", .malformed, "the bytes from 0 on belong to no tensor"),
  ("offset-misaligned", .malformed, "not at a multiple of 32"),
  ("offset-order", .malformed, "the bytes from 0 on belong to no tensor"),
  ("offset-overlap", .malformed, "inside that of another tensor, which ends at 36"),
  ("offset-past-the-end", .malformed, "the bytes from 32 on belong to no tensor"),
  ("offset-same", .malformed, "inside that of another tensor, which ends at 4"),
  ("offset-top", .malformed, "begins at 18446744073709551584"),
  ("shape-bits-overflow", .malformed, "more bits than 64 bits can count"),
  ("shape-overflow", .malformed, "more elements than 64 bits can count"),
  ("shape-top", .malformed, "do not fill whole blocks"),
  ("shape-wraps-to-one", .malformed, "more elements than 64 bits can count"),
  ("tensor-count", .truncated, "18446744073709551615 tensors"),
  ("tensor-count-large", .truncated, "1099511627776 tensors"),
  ("tensor-name-length", .truncated, "18446744073709551615 bytes"),
  ("tensor-name-not-utf-8", .malformed, "is not UTF-8"),
  ("tensor-twice", .malformed, "duplicate tensor name"),
  ("trailing-bytes", .malformed, "1 byte follows"),
  ("trailing-bytes-no-tensors", .malformed, "1 byte follows"),
  ("type", .unsupported, "unknown tensor type 4"),
  ("type-huge", .unsupported, "unknown tensor type 4294967295"),
  ("value-string-length", .truncated, "18446744073709551615 bytes"),
  ("value-type", .malformed, "unknown value type 13"),
  ("version-0", .unsupported, "version 0"),
  ("version-1", .unsupported, "version 1"),
  ("version-4", .unsupported, "version 4"),
]

@Suite("Hostile files")
struct HostileTests {
  @Test("each is refused for its reason (GG2 to GG13)")
  func refused() throws {
    for (name, code, message) in refusals {
      let error = #expect(throws: CheckpointError.self) { try opened("refuse/\(name).gguf") }
      #expect(error?.code == code, "\(name)")
      #expect(error?.message.contains(message) == true, "\(name): \(error?.message ?? "")")
      #expect(error?.path == fixture("refuse/\(name).gguf"))
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: fixture("refuse"))
    #expect(Set(names) == Set(refusals.map { $0.name + ".gguf" }))
  }

  @Test("a file that is cut anywhere is refused, but for the padding at its end")
  func cut() throws {
    let directory = try TemporaryDirectory()
    let whole = try TestSupport.bytes(of: fixture("written/dense.gguf"))
    let last = try #require(try opened("written/dense.gguf").location(of: 9).range)
    for count in 0..<last.upperBound {
      let path = try directory.write(Array(whole[..<count]), to: "x.gguf")
      let error = #expect(throws: CheckpointError.self, "\(count)") {
        try GGUFArchive(InputFile(path: path))
      }
      #expect(count < 4 || error?.code == .truncated, "\(count)")
    }
    for count in last.upperBound...whole.count {
      let path = try directory.write(Array(whole[..<count]), to: "x.gguf")
      #expect(try GGUFArchive(InputFile(path: path)).tensorCount == 10)
    }
  }

  @Test(
    "files that are damaged at random are read or refused", arguments: 1...6 as ClosedRange<UInt64>)
  func damaged(seed: UInt64) throws {
    print("seed \(seed)")
    var generator = SeededGenerator(seed: seed)
    let directory = try TemporaryDirectory()
    let names = ["dense", "big-endian", "alignment-8", "q8_0"]
    let originals = try names.map { try TestSupport.bytes(of: fixture("written/\($0).gguf")) }
    var refused = 0
    for round in 0..<400 {
      var file = originals[round % originals.count]
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let place = Int.random(in: 0..<min(900, file.count), using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: file[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: file[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 2: file[place] = [0, 0xFF, 0x80, 0x7F].randomElement(using: &generator) ?? 0
        default: file.remove(at: place)
        }
      }
      do {
        let archive = try GGUFArchive(InputFile(path: directory.write(file, to: "x.gguf")))
        _ = archive.metadata
        for index in 0..<archive.tensorCount {
          #expect(try data(of: archive, at: index).count == archive.tensor(at: index).byteCount)
        }
      } catch is CheckpointError {
        refused += 1
      }
    }
    #expect(refused > 100)
    #expect(refused < 400)
  }

  @Test("arrays with more elements than are supported (GG7)")
  func manyElements() throws {
    let directory = try TemporaryDirectory()
    var file = Array("GGUF".utf8)
    file.appendLittleEndian(UInt32(3))
    file.appendLittleEndian(UInt64(0))
    file.appendLittleEndian(UInt64(1))
    file.appendLittleEndian(UInt64(1))
    file += Array("a".utf8)
    file.appendLittleEndian(UInt32(9))
    file.appendLittleEndian(UInt32(0))
    file.appendLittleEndian(UInt64(1 << 22 + 1))
    file += [UInt8](repeating: 1, count: 1 << 22 + 64)
    let path = try directory.write(file, to: "a.gguf")
    let error = #expect(throws: CheckpointError.self) { try GGUFArchive(InputFile(path: path)) }
    #expect(error?.code == .unsupported)
  }
}
