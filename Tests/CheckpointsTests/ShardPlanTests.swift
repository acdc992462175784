// SPDX-License-Identifier: Apache-2.0
import Archives
import Checkpoints
import Files
import Foundation
import JSONDocument
import Tensors
import TestSupport
import Testing

/// A state dict and what huggingface_hub makes of it.
private struct PlanVector: Decodable {
  struct Sized: Decodable {
    let name: String
    let byteCount: UInt

    init(from decoder: any Decoder) throws {
      var pair = try decoder.unkeyedContainer()
      name = try pair.decode(String.self)
      byteCount = try pair.decode(UInt.self)
    }
  }

  struct Shard: Decodable {
    let fileName: String
    let names: [String]

    init(from decoder: any Decoder) throws {
      var pair = try decoder.unkeyedContainer()
      fileName = try pair.decode(String.self)
      names = try pair.decode([String].self)
    }
  }

  let pattern: String
  let limit: Int
  let tensors: [Sized]
  let sharing: [Int?]
  let shards: [Shard]
  let total_size: Int
  let index: String?

  var naming: ShardNaming {
    get throws {
      let parts = pattern.components(separatedBy: "{suffix}.")
      try #require(parts.count == 2)
      return ShardNaming(stem: parts[0], fileExtension: parts[1])
    }
  }
}

private func tensor(_ name: String, _ byteCount: UInt) throws -> TensorInfo {
  try TensorInfo(name: TensorName(name), dtype: .uint8, shape: [byteCount])
}

@Suite("Plans of shards")
struct ShardPlanTests {
  @Test("as huggingface_hub splits, and as transformers writes the index (H17 to H23)")
  func vectors() throws {
    let vectors = try Vectors.decode([PlanVector].self, from: "plans.json")
    #expect(vectors.count > 100)
    #expect(vectors.contains { $0.shards.count == 1 } && vectors.contains { $0.shards.count > 9 })
    for vector in vectors {
      let tensors = try vector.tensors.map { try tensor($0.name, $0.byteCount) }
      let plan = try ShardPlan(tensors, limit: vector.limit, naming: vector.naming) {
        vector.sharing[$0]
      }
      #expect(plan.shards.map(\.fileName) == vector.shards.map(\.fileName))
      #expect(
        plan.shards.map { $0.tensors.map { tensors[$0].name } }
          == vector.shards.map { $0.names.map { TensorName($0) } })
      #expect(plan.byteCount == vector.total_size)
      #expect(plan.shards.reduce(0) { $0 + $1.byteCount } == vector.total_size)
      #expect(plan.isSharded == (vector.index != nil))
      #expect(
        plan.index().map { String(decoding: $0.encoded(), as: UTF8.self) } == vector.index)
    }
  }

  @Test("a model's own state dict gives the files and the index that were saved (H17, H22)")
  func savedModel() throws {
    let vector = try ShardVector("llama-safetensors")
    let path = Vectors.path("llama-safetensors/" + vector.index)
    let archive = try ShardedArchive(path: path)
    let tensors = try vector.state_dict.map { name in
      archive.tensor(at: try #require(archive.index(of: TensorName(name))))
    }
    let plan = try ShardPlan(tensors, limit: vector.limit, naming: .safetensors)
    #expect(plan.shards.map(\.fileName) == archive.index.fileNames)
    #expect(try plan.index()?.encoded() == bytes(of: path))
    #expect(plan.naming.indexName == vector.index)
  }

  @Test("a state dict with tied weights gives the files that were saved (H19)")
  func tiedWeights() throws {
    let vector = try ShardVector("gpt2-torch")
    let archive = try ShardedArchive(path: Vectors.path("gpt2-torch/" + vector.index))
    let places = try vector.state_dict.map { try #require(archive.index(of: TensorName($0))) }
    let tensors = places.map { archive.tensor(at: $0) }
    let plan = try ShardPlan(tensors, limit: vector.limit, naming: .torch) { index in
      archive.alias(of: places[index]).flatMap { places.firstIndex(of: $0) }
    }
    #expect(plan.shards.map(\.fileName) == archive.index.fileNames)
    #expect(
      plan.shards.flatMap { $0.tensors.map { tensors[$0].name.string } } == archive.names)
    #expect(plan.index()?.statedByteCount == archive.index.statedByteCount)
  }

  @Test("metadata of a source is kept, total_size is not (H23)")
  func keptMetadata() throws {
    let plan = try ShardPlan(
      [tensor("a", 3), tensor("b", 4)], limit: 4, naming: .safetensors)
    #expect(
      plan.index(keeping: ["total_size": 99, "lm_head": "wte", "total_parameters": 5])?.metadata
        == ["total_size": 7, "lm_head": "wte", "total_parameters": 5])
    #expect(plan.index()?.metadata == ["total_parameters": 7, "total_size": 7])
  }

  @Test("no tensors make one file without any (H20)")
  func nothing() throws {
    let plan = try ShardPlan([], limit: 0, naming: .torch)
    #expect(plan.shards.map(\.fileName) == ["pytorch_model.bin"])
    #expect(plan.shards.map(\.tensors) == [[]])
    #expect(plan.index() == nil)
  }

  @Test("sizes that no file can have are refused (H17)")
  func overflow() throws {
    // As large as a shape can be; torch shows such a tensor of a single byte.
    let tensors = try (0..<5).map { try tensor("\($0)", (UInt(1) << 61) - 8) }
    for limit in [1, Int.max] {
      #expect(
        try ShardPlan(Array(tensors[..<3]), limit: limit, naming: .torch).byteCount
          == 3 * ((1 << 61) - 8))
      let error = #expect(throws: CheckpointError.self) {
        try ShardPlan(tensors, limit: limit, naming: .torch)
      }
      #expect(error?.code == .unsupported)
    }
  }

  @Test("numbers of shards take five digits, or more (H21)")
  func names() throws {
    let naming = ShardNaming(stem: "adapter_model", fileExtension: "safetensors")
    #expect(naming.wholeName == "adapter_model.safetensors")
    #expect(naming.indexName == "adapter_model.safetensors.index.json")
    #expect(naming.shardName(0, of: 2) == "adapter_model-00001-of-00002.safetensors")
    #expect(naming.shardName(99_999, of: 123_456) == "adapter_model-100000-of-123456.safetensors")
    for name in [naming.wholeName, naming.indexName, naming.shardName(7, of: 99_999_999)] {
      #expect(naming.covers(name))
    }
  }
}

@Suite("Sizes in bytes")
struct ByteSizeTests {
  private struct Size: Decodable {
    let text: String
    let byteCount: Int?

    init(from decoder: any Decoder) throws {
      var pair = try decoder.unkeyedContainer()
      text = try pair.decode(String.self)
      byteCount = try pair.decode(Int?.self)
    }
  }

  @Test("as huggingface_hub reads them, and bytes besides (H24)")
  func vectors() throws {
    for size in try Vectors.decode([Size].self, from: "sizes.json") {
      let found = try? ByteSize(parsing: size.text).byteCount
      #expect(found == (size.text == "5" ? 5 : size.byteCount), "\(size.text)")
    }
  }

  @Test(
    "bytes and binary units (H25)",
    arguments: [
      ("1", 1), ("5000000000", 5_000_000_000), ("\(Int.max)", .max), (" 7\n", 7), ("1KiB", 1024),
      ("1.5kib", 1536), ("2MiB", 2_097_152), ("3 GiB", 3_221_225_472), ("1TIB", 1 << 40),
    ])
  func ours(text: String, byteCount: Int) throws {
    #expect(try ByteSize(parsing: text).byteCount == byteCount)
  }

  @Test(
    "what is no size (H25)",
    arguments: [
      "0", "0GB", "0.0001KB", "-5GB", "+5GB", "-1", "1e3KB", "0x10KB", "infGB", "nanGB", "1_000",
      "1.5", ".", ".KB", "5PB", "5KBB", "5é", "٣GB", "9300000000GB", "9223372036854775808",
      String(repeating: "9", count: 5000) + "TB",
    ])
  func refused(text: String) throws {
    let error = #expect(throws: CheckpointError.self) { try ByteSize(parsing: text) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.hint == "write a size such as 5GB, 500MB, 1.5GiB, or a number of bytes")
  }
}

extension ShardNaming {
  fileprivate static var safetensors: Self { models[0] }
  fileprivate static var torch: Self { models[1] }
}
