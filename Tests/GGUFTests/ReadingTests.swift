// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import GGUF
import SafeTensors
import Tensors
import TestSupport
import Testing

@Suite("Reading what the gguf package wrote")
struct ReadingTests {
  @Test("values of all types (GG6)", arguments: ["dense", "version-2", "big-endian"])
  func values(name: String) throws {
    let archive = try opened("written/\(name).gguf")
    #expect(archive["general.architecture"] == .string("llama"))
    #expect(archive["value.uint8"] == .uint8(200))
    #expect(archive["value.int8"] == .int8(-3))
    #expect(archive["value.uint16"] == .uint16(65535))
    #expect(archive["value.int16"] == .int16(-7))
    #expect(archive["value.uint32"] == .uint32(.max))
    #expect(archive["value.int32"] == .int32(.min))
    #expect(archive["value.float32"] == .float32(0.1))
    #expect(archive["value.bool"] == .bool(true))
    #expect(archive["value.string"] == .string("é \"quoted\"\nline"))
    #expect(archive["value.uint64"] == .uint64(.max))
    #expect(archive["value.int64"] == .int64(.min))
    #expect(archive["value.float64"] == .float64(0.1))
    #expect(archive["value.strings"]?.elements?.map(\.string) == ["a", "ä", "\n"])
    #expect(archive["value.integers"]?.elements?.map(\.integer) == [1, -2, 3])
    #expect(archive["value.floats"]?.elements?.map(\.number) == [Double(Float(0.1)), 2])
    let nested = archive["value.nested"]?.elements
    #expect(nested?.map { $0.elements?.map(\.integer) } == [[1, 2], [3]])
    #expect(archive["value"] == nil)
  }

  @Test("metadata is text, with the types (GG8)")
  func metadata() throws {
    let metadata = try #require(try opened("written/dense.gguf").metadata)
    #expect(metadata["value.uint64"] == "18446744073709551615")
    #expect(metadata["value.float32"] == "0.1")
    #expect(metadata["value.bool"] == "true")
    #expect(metadata["value.string"] == "é \"quoted\"\nline")
    #expect(metadata["value.strings"] == #"["a","ä","\n"]"#)
    #expect(metadata["value.floats"] == "[0.1,2.0]")
    #expect(metadata["value.nested"] == "[[1,2],[3]]")
    let types = metadata.entries.map { "\($0.key)=\($0.typed?.type ?? "")" }
    #expect(types.contains("value.strings=string[3]"))
    #expect(types.contains("value.nested=array[2]"))
    #expect(types.contains("value.uint8=uint8"))
  }

  @Test("shapes are row-major, and dense types are tensors (GG9, GG14)")
  func dense() throws {
    let archive = try opened("written/dense.gguf")
    let tensors = archive.tensors.map { "\($0.name) \($0.dtype) \($0.shape)" }
    #expect(
      tensors == [
        "dense.float32 F32 [3, 5]", "dense.float16 F16 [3, 5]", "dense.float64 F64 [3, 5]",
        "dense.int8 I8 [2, 3, 1, 2]", "dense.int16 I16 [2, 3, 1, 2]",
        "dense.int32 I32 [2, 3, 1, 2]", "dense.int64 I64 [2, 3, 1, 2]", "dense.scalar F32 []",
        "dense.vector F32 [3]", "dense.bfloat16 BF16 [2, 4]",
      ])
    let scalar = try data(of: archive, at: 7)
    #expect(scalar == [0, 0, 0xE0, 0x40])
    let lent = try archive.withTensor(at: 7) { view throws(CheckpointError) in
      view.bytes.withUnsafeBytes { Array($0) }
    }
    #expect(lent == scalar)
    let stored = try #require(archive.storedBytes(of: 7))
    #expect(try stored.file.read(at: stored.range.lowerBound, count: 4) == scalar)
  }

  @Test("version 2, big endian and other alignments have the same tensors (GG3 to GG5)")
  func variants() throws {
    let dense = try opened("written/dense.gguf")
    for name in ["version-2", "alignment-8", "alignment-128", "big-endian"] {
      let archive = try opened("written/\(name).gguf")
      #expect(archive.tensorCount == (name == "big-endian" ? 9 : 10))
      for index in 0..<archive.tensorCount {
        #expect(archive.tensor(at: index).name == dense.tensor(at: index).name)
        #expect(archive.tensor(at: index).shape == dense.tensor(at: index).shape)
        #expect(try data(of: archive, at: index) == data(of: dense, at: index), "\(name) \(index)")
      }
    }
  }

  @Test("quantized tensors have the sizes of their blocks (GG14)")
  func quantized() throws {
    let archive = try opened("written/quantized.gguf")
    #expect(archive.tensorCount == 26)
    for tensor in archive.tensors {
      #expect(tensor.name.string == tensor.dtype.name)
      #expect(tensor.dtype.isQuantized)
      let block = tensor.dtype.block
      #expect(tensor.shape == Shape([2, 3 * block.elementCount]))
      #expect(tensor.byteCount == 6 * block.byteCount)
    }
    #expect(Set(archive.tensors.map(\.dtype)) == Set(DType.allCases.filter(\.isQuantized)))
  }

  @Test("a file without tensors")
  func empty() throws {
    let archive = try opened("written/no-tensors.gguf")
    #expect(archive.tensorCount == 0)
    #expect(archive.metadata?["general.architecture"] == "llama")
  }

  @Test("a text that is not UTF-8 keeps its bytes (GG6)")
  func bytes() throws {
    let value = GGUFValue.bytes([0xFF, 0x41])
    let archive = try ZeroArchive([])
    let directory = try TemporaryDirectory()
    let file = try written(archive, values: [("a", value)])
    let path = try directory.write(file, to: "a.gguf")
    let read = try GGUFArchive(InputFile(path: path))
    #expect(read["a"] == value)
    #expect(read.metadata?["a"] == "\u{FFFD}A")
    #expect(try written(read) == file)
  }
}
