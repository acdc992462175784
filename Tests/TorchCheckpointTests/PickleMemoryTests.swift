import Files
import Foundation
import Tensors
import TestSupport
import Testing
import TorchCheckpoint

@Suite("Files with the pickle of the one before")
struct PickleMemoryTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  /// What opening a file and reading its tensors comes to.
  private func verdict(_ path: String) -> String {
    do throws(CheckpointError) {
      let file = try TorchFile(path: path)
      var text = "\(file.format)"
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

  @Test("are judged as if they came alone, whichever of their bytes is damaged")
  func damages() throws {
    let good = Fixtures.path("torch/hostile/00-good.bin")
    let other = Fixtures.path("torch/hostile/00-good-plain-zip.bin")
    let bytes = try Array(Data(contentsOf: URL(fileURLWithPath: good)))
    let path = directory.path("damaged.bin")
    var refused = 0
    for offset in bytes.indices {
      var damaged = bytes
      damaged[offset] ^= 0x41
      try directory.write(damaged, to: "damaged.bin")
      _ = verdict(other)
      let alone = verdict(path)
      _ = verdict(good)
      #expect(verdict(path) == alone, "byte \(offset)")
      if alone.contains(path) { refused += 1 }
    }
    #expect(refused > bytes.count / 4)
    #expect(refused < bytes.count)
  }

  @Test("have their own data")
  func data() throws {
    let entry = TorchEntry(try TensorInfo(name: "weight", dtype: .uint8, shape: [64]))
    let values: [UInt8] = [1, 2, 3]
    // Names of one length, so that all stands at the same places.
    for value in values {
      _ = try written([entry], to: directory.path("\(value).bin")) { _ in
        [UInt8](repeating: value, count: 64)
      }
    }
    for value in values {
      let file = try TorchFile(path: directory.path("\(value).bin"))
      let bytes = try file.withTensor(at: 0) { view throws(CheckpointError) in
        (0..<view.bytes.byteCount).map { view.bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
      }
      #expect(bytes == [UInt8](repeating: value, count: 64))
    }
  }
}
