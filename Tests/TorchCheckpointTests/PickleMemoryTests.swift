// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import Pickle
import Foundation
import Tensors
import TestSupport
import Testing
import ZipArchive

@testable import TorchCheckpoint

@Suite("Pickles that come again and again")
struct PickleMemoryTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  /// What opening a file and reading its tensors comes to.
  private func verdict(_ path: String, _ memory: PickleMemory = PickleMemory()) -> String {
    do throws(CheckpointError) {
      let file = try TorchFile(InputFile(path: path), memory: memory)
      var text = file.variant.name
      for index in 0..<file.tensorCount {
        text += " \(file.tensor(at: index))"
        try file.readTensor(at: index) { bytes throws(CheckpointError) in
          for offset in 0..<bytes.byteCount {
            text += unsafe " \(bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))"
          }
        }
      }
      return text
    } catch {
      return "\(error)"
    }
  }

  @Test("a file is judged as if it came alone, whichever of its bytes is damaged")
  func damages() throws {
    let good = Fixtures.path("torch/hostile/00-good.bin")
    let bytes = try Array(Data(contentsOf: URL(fileURLWithPath: good)))
    let path = directory.path("damaged.bin")
    let memory = PickleMemory()
    for _ in 0..<3 { #expect(verdict(good, memory) == verdict(good)) }
    var refused = 0
    for offset in bytes.indices {
      var damaged = bytes
      damaged[offset] ^= 0x41
      try directory.write(damaged, to: "damaged.bin")
      let alone = verdict(path)
      #expect(verdict(path, memory) == alone, "byte \(offset)")
      if alone.contains(path) { refused += 1 }
    }
    #expect(refused > bytes.count / 4)
    #expect(refused < bytes.count)
  }

  @Test("what comes for the third time is not gone through again, and has its own data")
  func data() throws {
    let entry = TorchEntry(try TensorInfo(name: "weight", dtype: .uint8, shape: [64]))
    let memory = PickleMemory()
    // Names of one length, so that all stands at the same places.
    for value: UInt8 in 1...4 {
      let path = directory.path("\(value).bin")
      _ = try written([entry], to: path) { _ in [UInt8](repeating: value, count: 64) }
      let file = try InputFile(path: path)
      let zip = try #require(TorchContents(file, PickleMemory(), PickleLimits()).zip)
      let pickle = try #require(zip.entry(named: "\(value)/data.pkl"))
      let source = PickleSource(
        bytes: try zip.contents(of: pickle, in: file, limit: 1 << 20), base: pickle.dataOffset,
        dialect: .torch,
        limits: PickleLimits().scaled(
          fileByteCount: file.byteCount, pickleByteCount: pickle.storedByteCount),
        fileByteCount: file.byteCount)
      #expect((memory.tensors(of: source) != nil) == (value > 2))
      let verdict = verdict(path, memory)
      #expect(verdict == self.verdict(path))
      #expect(verdict.hasSuffix(String(repeating: " \(value)", count: 64)))
    }
  }
}
