// SPDX-License-Identifier: Apache-2.0
import Files
import SafeTensors
import Tensors
import TestSupport
import Testing

/// Rewrites a file through the writer and gives the bytes.
func rewritten(_ path: String, in directory: TemporaryDirectory) throws -> [UInt8] {
  let file = try SafeTensorsFile(path: path)
  let target = directory.path("out.safetensors")
  var output = try AtomicFile(
    path: target, policy: OutputPolicy(replacesExisting: true, synchronizes: false))
  try SafeTensorsWriter.write(file, metadata: file.metadata, to: &output)
  try output.commit()
  return try bytes(of: target)
}

@Suite("Writing safetensors")
struct WriterTests {
  @Test("files that the reference wrote come out the same, byte for byte (W1 to W7)")
  func reproducesTheReference() throws {
    let directory = try TemporaryDirectory()
    let names = try files(below: Fixtures.path("safetensors/written"))
    #expect(names.count > 10)
    for name in names {
      let path = Fixtures.path("safetensors/written/" + name)
      #expect(try rewritten(path, in: directory) == bytes(of: path), "\(name)")
    }
  }

  @Test("adapters that PEFT saved come out the same")
  func reproducesPEFT() throws {
    let directory = try TemporaryDirectory()
    let names = try files(below: Fixtures.path("adapters")).filter { $0.hasSuffix(".safetensors") }
    #expect(names.count > 20)
    for name in names {
      let path = Fixtures.path("adapters/" + name)
      #expect(try rewritten(path, in: directory) == bytes(of: path), "\(name)")
    }
  }

  @Test("what the reader would refuse is not written")
  func refusesDuplicates() throws {
    let info = try TensorInfo(name: "a", dtype: .uint8, shape: [1])
    let reserved = try TensorInfo(name: "__metadata__", dtype: .uint8, shape: [1])
    let between = try TensorInfo(name: "b", dtype: .uint8, shape: [1])
    let other = try TensorInfo(name: "a", dtype: .float32, shape: [1])
    for tensors in [[info, info], [info, between, info], [info, between, other]] {
      let error = #expect(throws: CheckpointError.self) {
        try SafeTensorsLayout(tensors: tensors, metadata: nil)
      }
      #expect(error?.tensor == "a")
    }
    let error = #expect(throws: CheckpointError.self) {
      try SafeTensorsLayout(tensors: [reserved], metadata: nil)
    }
    #expect(error?.tensor == "__metadata__")
  }
}
