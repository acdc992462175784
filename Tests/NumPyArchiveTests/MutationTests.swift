// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Files
import NumPyArchive
import Tensors
import TestSupport
import Testing

/// Files that NumPy wrote, damaged at random: each is refused by an error or shows what it says, and
/// nothing traps.
@Suite("Damaged files")
struct MutationTests {
  private func mutated(
    _ original: [UInt8], within range: Range<Int>, _ generator: inout SeededGenerator
  ) -> [UInt8] {
    var file = original
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let place = Int.random(in: range, using: &generator)
      guard place < file.count else { continue }
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: file[place] = UInt8.random(in: 0...255, using: &generator)
      case 1: file[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 2: file.remove(at: place)
      case 3: file.insert(UInt8.random(in: 0x20...0x7E, using: &generator), at: place)
      case 4:
        file[place] =
          [0x30, 0x39, 0x28, 0x29, 0x27, 0x2C, 0xFF, 0].randomElement(
            using: &generator) ?? 0
      default: file.removeLast(min(file.count, Int.random(in: 1...40, using: &generator)))
      }
    }
    return file
  }

  @Test("arrays, in their headers", arguments: [1, 2, 3] as [UInt64])
  func arrays(seed: UInt64) throws {
    print("seed \(seed)")
    var generator = SeededGenerator(seed: seed)
    let directory = try TemporaryDirectory()
    let originals = try ["fortran.npy", "version-3.npy", "python2.npy", "bfloat16.npy"].map {
      try TestSupport.bytes(of: vectors + "read/" + $0)
    }
    var refused = 0
    for round in 0..<800 {
      let file = mutated(originals[round % originals.count], within: 0..<90, &generator)
      let path = try directory.write(file, to: "x.npy")
      do {
        let archive = try NumPyFile(array: InputFile(path: path))
        try readAll(archive)
        // What is taken is as long as it says.
        let info = archive.tensor(at: 0)
        #expect(try data(of: archive, at: 0).allSatisfy { $0.count == info.byteCount })
      } catch is CheckpointError {
        refused += 1
      }
    }
    #expect(refused > 400)
    #expect(refused < 800)
  }

  @Test("archives, anywhere", arguments: [4, 5, 6] as [UInt64])
  func archives(seed: UInt64) throws {
    print("seed \(seed)")
    var generator = SeededGenerator(seed: seed)
    let directory = try TemporaryDirectory()
    let names = ["savez.npz", "savez-compressed-stream.npz", "zipped.npz", "unheld.npz"]
    let originals = try names.map { try TestSupport.bytes(of: vectors + "read/" + $0) }
    let expected = try names.map { name in
      Dictionary(
        uniqueKeysWithValues: try ReadVector.load(name).tensors.map {
          (TensorName($0.name), bytes(hexadecimal: $0.data))
        })
    }
    var refused = 0
    for round in 0..<500 {
      let which = round % originals.count
      let file = mutated(originals[which], within: 0..<originals[which].count, &generator)
      let path = try directory.write(file, to: "x.npz")
      do {
        let archive = try NumPyFile(archive: InputFile(path: path))
        for index in 0..<archive.tensorCount {
          // All of a member is under its checksum: what is not found out is unchanged.
          let name = archive.tensor(at: index).name
          if let original = expected[which][name] {
            #expect(try data(of: archive, at: index)[0] == original)
          } else {
            _ = try data(of: archive, at: index)
          }
        }
      } catch is CheckpointError {
        refused += 1
      }
    }
    #expect(refused > 375)
  }
}
