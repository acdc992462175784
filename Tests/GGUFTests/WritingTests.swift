// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import GGUF
import SafeTensors
import Tensors
import TestSupport
import Testing

@Suite("Writing what the gguf package writes")
struct WritingTests {
  @Test(
    "a file that is read and written is the same, to the byte (GG20)",
    arguments: ["dense", "alignment-8", "alignment-128", "no-tensors", "quantized", "q8_0"])
  func roundTrip(name: String) throws {
    let original = try TestSupport.bytes(of: fixture("written/\(name).gguf"))
    #expect(try written(opened("written/\(name).gguf")) == original)
  }

  @Test("version 2 becomes version 3 (GG20)")
  func version() throws {
    let dense = try TestSupport.bytes(of: fixture("written/dense.gguf"))
    #expect(try written(opened("written/version-2.gguf")) == dense)
  }

  @Test("text becomes strings, and values of the caller take the place of keys (GG22)")
  func values() throws {
    let archive = try ZeroArchive(
      [("x", .float32, [2, 3])], metadata: ["format": "pt", "general.type": "model"])
    let file = try written(
      archive,
      values: [("general.type", .string("adapter")), ("adapter.lora.alpha", .float32(16))])
    let directory = try TemporaryDirectory()
    let read = try GGUFArchive(InputFile(path: directory.write(file, to: "a.gguf")))
    #expect(read.values.map(\.key) == ["format", "general.type", "adapter.lora.alpha"])
    #expect(
      read.values.map(\.value) == [.string("pt"), .string("adapter"), .float32(16)])
    #expect(read.tensor(at: 0).shape == [2, 3])
    #expect(read.tensor(at: 0).dataOffsets == 0..<24)
    #expect(file.count.isMultiple(of: 32))
  }

  @Test("the layout is that of the file (GG21)")
  func layout() throws {
    let archive = try opened("written/dense.gguf")
    let layout = try GGUFFormat().layout(of: archive, order: nil, path: "x.gguf")
    #expect(layout.byteCount == (try TestSupport.bytes(of: fixture("written/dense.gguf"))).count)
    for index in 0..<archive.tensorCount {
      #expect(archive.location(of: index).range == layout.ranges?[index])
    }
  }

  @Test("what GGUF cannot hold is refused with the tensor (GG23)")
  func refusals() throws {
    func refusal(_ tensors: [(TensorName, DType, Shape)]) throws -> CheckpointError? {
      let archive = try ZeroArchive(tensors)
      return #expect(throws: CheckpointError.self) { try written(archive) }
    }
    let rank = try refusal([("x", .float32, [1, 1, 1, 1, 1])])
    #expect(rank?.code == .unsupported)
    #expect(rank?.tensor == "x")
    let twice = try refusal([("x", .float32, [1]), ("x", .float32, [1])])
    #expect(twice?.code == .malformed)
    #expect(try refusal([("x", .uint8, [1])])?.message == "GGUF has no tensors of U8")
    let held = DType.allCases.filter { GGUFFormat().storedDType(for: $0) != nil }
    #expect(held.filter { !$0.isQuantized }.count == 8)
    let archive = try ZeroArchive([], metadata: ["general.alignment": "64"])
    let alignment = #expect(throws: CheckpointError.self) { try written(archive) }
    #expect(alignment?.message.contains("uint32") == true)
  }
}
