// SPDX-License-Identifier: Apache-2.0
import Bridges
import Files
import Foundation
import Kernels
import LowRank
import PEFT
import Tensors
import TestSupport
import Testing

@Suite("Files of kohya's tools, LyCORIS and diffusers (KO1 to KO18)")
struct KohyaTests {
  /// A tensor of a made file: its dtype, shape and bytes.
  struct Tensor {
    var dtype = "F32"
    let shape: [Int]
    var bytes: [UInt8]?

    var data: [UInt8] {
      bytes ?? Array(repeating: 0, count: shape.reduce(dtype == "F32" ? 4 : 8, *))
    }
  }

  private static func write(
    _ tensors: [(String, Tensor)], metadata: String? = nil, to path: String
  ) throws {
    var header = metadata.map { ["\"__metadata__\":\($0)"] } ?? []
    var data: [UInt8] = []
    for (name, tensor) in tensors {
      let bytes = tensor.data
      header.append(
        "\"\(name)\":{\"dtype\":\"\(tensor.dtype)\",\"shape\":\(tensor.shape),"
          + "\"data_offsets\":[\(data.count),\(data.count + bytes.count)]}")
      data += bytes
    }
    let text = Array("{\(header.joined(separator: ","))}".utf8)
    let count = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) }
    try Data(count + text + data).write(to: URL(fileURLWithPath: path))
  }

  /// A base model of a few linear layers.
  private static func base(_ modules: [String], in directory: TemporaryDirectory) throws
    -> BaseModel
  {
    let path = directory.path("base.safetensors")
    try write(modules.map { ("\($0).weight", Tensor(shape: [4, 4])) }, to: path)
    return try BaseModel(path: path)
  }

  private static func pair(_ name: String, a: [Int] = [2, 4], b: [Int] = [4, 2]) -> [(
    String, Tensor
  )] {
    [("\(name).lora_down.weight", Tensor(shape: a)), ("\(name).lora_up.weight", Tensor(shape: b))]
  }

  private static func alpha(_ value: Double) -> Tensor {
    Tensor(
      dtype: "F64", shape: [],
      bytes: withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) })
  }

  /// What opening a file as an adapter says.
  private func opened(
    _ tensors: [(String, Tensor)], metadata: String? = nil, base modules: [String]? = nil
  ) throws -> LowRankAdapter {
    let directory = try TemporaryDirectory()
    let path = directory.path("x.safetensors")
    try Self.write(tensors, metadata: metadata, to: path)
    let base = try modules.map { try Self.base($0, in: directory) }
    return try AdapterHomes.open(BridgeSource(path: path, base: base)).adapter
  }

  @Test("names are those of the base model (KO7)")
  func names() throws {
    let adapter = try opened(
      Self.pair("lora_unet_a_b_c_d") + [("lora_unet_a_b_c_d.alpha", Self.alpha(3))],
      base: ["a_b.c.d", "a.b", "x"])
    #expect(adapter.modules.map(\.name) == ["a_b.c.d"])
    #expect(adapter.modules[0].scale.scale == 1.5)
    #expect(adapter.component?.name == "unet")
  }

  @Test(
    "what cannot be read is refused by name (KO5 to KO9)",
    arguments: [
      (pair("lora_unet_a_b"), nil as [String]?, "underscores"),
      (pair("lora_unet_a_b"), ["a.c"], "no module a_b"),
      (pair("lora_unet_a_b"), ["a.b", "a_b"], "several modules"),
      (pair("lora_unet_a") + [("lora_unet_a.alpha", alpha(0))], ["a"], "alpha is 0"),
      (pair("lora_unet_a") + [("lora_unet_a.alpha", alpha(.nan))], ["a"], "alpha is nan"),
      (pair("lora_unet_a") + [("lora_unet_a.alpha", alpha(-.infinity))], ["a"], "alpha is -inf"),
      (
        pair("lora_unet_a") + [("lora_unet_a.alpha", Tensor(dtype: "C64", shape: []))], ["a"],
        "alpha of C64"
      ),
      (pair("lora_unet_a") + [("lora_unet_a.alpha", Tensor(shape: [0]))], ["a"], "one number"),
      (pair("lora_unet_a") + [("lora_unet_a.diff", Tensor(shape: [4, 4]))], ["a"], "counterpart"),
      (
        pair("lora_unet_a") + [("lora_unet_a", Tensor(shape: [1]))], ["a"],
        "not a tensor of a module"
      ),
      (pair("lora_unet_a") + [("x.y", Tensor(shape: [1]))], ["a"], "not a tensor of a module"),
      (pair("lora_unet_a", a: [2, 4], b: [4, 3]), ["a"], "does not fit"),
      (pair("lora_unet_a", a: [0, 4], b: [4, 0]), ["a"], "does not fit"),
      (pair("lora_unet_a", a: [8], b: [8]), ["a"], "does not fit"),
      (
        pair("lora_unet_a") + [("lora_unet_a.dora_scale", Tensor(shape: [1, 3]))], ["a"],
        "one magnitude"
      ),
      ([pair("lora_unet_a")[0]], ["a"], "no lora_up.weight"),
      (pair("lora_unet_a") + pair("lora_te_a"), ["a"], "several models"),
      (pair("lora_te_a") + pair("lora_te1_a"), ["a"], "several models"),
    ])
  func refusals(_ tensors: [(String, Tensor)], _ modules: [String]?, _ message: String) throws {
    let error = #expect(throws: CheckpointError.self) { try opened(tensors, base: modules) }
    #expect(error.map { "\($0)".contains(message) } == true, "\(String(describing: error))")
  }

  @Test(
    "factors that PEFT would not make are refused (KO12 to KO15)",
    arguments: [
      (["hada_w1_a": [4, 2], "hada_w1_b": [2, 4], "hada_w2_a": [4, 2]], "no hada_w2_b"),
      (
        ["hada_w1_a": [4, 3], "hada_w1_b": [2, 4], "hada_w2_a": [4, 2], "hada_w2_b": [2, 4]],
        "has the shape [4, 3]"
      ),
      (["lokr_w1": [3, 2], "lokr_w2": [2, 2]], "does not divide"),
      (["lokr_w1": [0, 2], "lokr_w2": [2, 2]], "does not divide"),
      (["lokr_w1": [2, 2], "lokr_w2_a": [2, 0], "lokr_w2_b": [0, 2]], "the rank 0"),
      (["lokr_w1": [2, 2], "lokr_w2_a": [2, 1], "lokr_w2_b": [1, 2]], "low-rank second factor"),
      (["lokr_w1": [1, 4], "lokr_w2": [4, 1]], "decompose_factor"),
      (["lokr_w1": [2, 2], "lokr_w2": [2, 2], "dora_scale": [4, 1]], "no counterpart"),
      (["lokr_w1": [2, 2], "lokr_w2": [2, 2], "lokr_t1": [4, 1]], "no counterpart"),
    ])
  func factors(_ leaves: [String: [Int]], _ message: String) throws {
    let tensors = leaves.sorted { $0.key < $1.key }.map { ("lycoris_a.\($0)", Tensor(shape: $1)) }
    let error = #expect(throws: CheckpointError.self) { try opened(tensors, base: ["a"]) }
    #expect(error.map { "\($0)".contains(message) } == true, "\(String(describing: error))")
  }

  @Test(
    "metadata that is no config is refused (KO17)",
    arguments: [
      (#"[1]"#, "JSON object"), (#"{"unet.r": 2"#, "lora_adapter_metadata"),
      (#"{"unet.r": 3}"#, "rank 2"), (#"{"unet.r": "x"}"#, "rank 2"),
      (#"{"unet.rank_pattern": {"a": 7}, "unet.r": 2}"#, "rank 2"),
      (#"{"unet.peft_type": "LOKR"}"#, "LOKR"),
      (String(repeating: "[", count: 100_000), "lora_adapter_metadata"),
    ])
  func metadata(text: String, message: String) throws {
    let tensors = [
      ("unet.a.lora_A.weight", Tensor(shape: [2, 4])),
      ("unet.a.lora_B.weight", Tensor(shape: [4, 2])),
    ]
    let json = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    let error = #expect(throws: CheckpointError.self) {
      try opened(tensors, metadata: "{\"lora_adapter_metadata\":\"\(json)\"}")
    }
    #expect(error.map { "\($0)".contains(message) } == true, "\(String(describing: error))")
  }

  @Test(
    "every spelling of diffusers is read (KO16)",
    arguments: [
      ("unet.a.to_q.lora_A.weight", "unet.a.to_q.lora_B.weight", "a.to_q"),
      ("unet.a.to_q.lora.down.weight", "unet.a.to_q.lora.up.weight", "a.to_q"),
      ("unet.a.processor.to_q_lora.down.weight", "unet.a.processor.to_q_lora.up.weight", "a.to_q"),
      (
        "unet.a.processor.to_out_lora.down.weight", "unet.a.processor.to_out_lora.up.weight",
        "a.to_out.0"
      ),
      ("text_encoder.a.to_q_lora.down.weight", "text_encoder.a.to_q_lora.up.weight", "a.q_proj"),
      (
        "text_encoder.a.fc1.lora_linear_layer.down.weight",
        "text_encoder.a.fc1.lora_linear_layer.up.weight", "a.fc1"
      ),
      ("transformer.a.lora_down.weight", "transformer.a.lora_up.weight", "a"),
    ])
  func spellings(a: String, b: String, module: String) throws {
    let adapter = try opened([(a, Tensor(shape: [2, 4])), (b, Tensor(shape: [4, 2]))])
    #expect(adapter.modules.map(\.name) == [module])
    #expect(adapter.modules.map(\.scale.scale) == [1])
    #expect(adapter.component?.name == a.split(separator: ".").first.map { String($0) })
  }

  @Test(
    "names in other spellings are refused (KO16)",
    arguments: [
      [("unet.a.lora_A.weight", [2, 4]), ("unet.a.lora.down.weight", [2, 4])],
      [("unet.lora_A.weight", [2, 4]), ("unet.lora_B.weight", [4, 2])],
      [("unet..lora_A.weight", [2, 4])],
      [("unet.a.x_lora.down.weight", [2, 4])],
      [("unet.a.lora_A.weight", [2, 4]), ("unet.a.lora_B.weight", [4, 2]), ("b.x", [1])],
      [
        ("unet.a.lora_A.weight", [2, 4]), ("unet.a.lora_B.weight", [4, 2]),
        ("unet.a.lora_B.bias", [3]),
      ],
    ])
  func oddNames(_ tensors: [(String, [Int])]) throws {
    #expect(throws: CheckpointError.self) {
      try opened(tensors.map { ($0, Tensor(shape: $1)) })
    }
  }
}
