// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite("inspect and config")
struct InspectTests {
  @Test("--json has these keys and no others (L11, L12)", arguments: [true, false])
  func keys(isAdapter: Bool) throws {
    let adapter = Fixtures.adapter("mpt-seq-cls")
    let path = isAdapter ? adapter : adapter + "/adapter_model.safetensors"
    let run = try peftkit("inspect", path, "--json")
    #expect(run.exitCode == 0 && run.errors.isEmpty)
    #expect(run.output.hasSuffix("}\n"))
    let json = try run.json()
    var keys: Set = [
      "path", "kind", "format", "metadata", "tensors", "tensor_count", "parameter_count",
      "byte_count", "skipped", "notes",
    ]
    if isAdapter { keys.formUnion(["config", "multitask", "oldest_peft", "newest_peft"]) }
    #expect(Set(json.keys) == keys)
    #expect(json["path"] as? String == path)
    #expect(json["kind"] as? String == (isAdapter ? "adapter" : "file"))
    #expect(json["format"] as? String == "safetensors")
    #expect(json["metadata"] as? [String: String] == ["format": "pt"])

    let raw = try RawSafeTensors(path: adapter + "/adapter_model.safetensors")
    let tensors = try #require(json["tensors"] as? [[String: Any]])
    #expect(tensors.count == raw.tensors.count)
    var offset = 0
    for (tensor, expected) in zip(tensors, raw.tensors) {
      #expect(Set(tensor.keys) == ["name", "dtype", "shape", "byte_count", "data_offsets"])
      #expect(tensor["name"] as? String == expected.name)
      #expect(tensor["dtype"] as? String == expected.dtype)
      #expect(tensor["shape"] as? [UInt64] == expected.shape)
      #expect(tensor["byte_count"] as? Int == expected.bytes.count)
      #expect(tensor["data_offsets"] as? [Int] == [offset, offset + expected.bytes.count])
      offset += expected.bytes.count
    }
    #expect((json["skipped"] as? [Any])?.isEmpty == true)
    #expect((json["notes"] as? [Any])?.isEmpty == true)
    #expect(json["tensor_count"] as? Int == 4)
    #expect(json["byte_count"] as? Int == offset)
    #expect(json["parameter_count"] as? Int == offset / 4)
    guard isAdapter else { return }
    let config = try JSONSerialization.jsonObject(
      with: Data(bytes(of: adapter + "/adapter_config.json")))
    #expect(json["config"] as? NSDictionary == config as? NSDictionary)
  }

  @Test(
    "the summary says what an adapter is (U20)",
    arguments: [
      (
        "lora",
        "r 2 to 3, mostly 2, α 4, scale 1.333 to 2, mostly 2, 11 modules (c_attn 11), 11 layers"
      ),
      (
        "lora-embedding",
        "rsLoRA, r 3 to 4, α 5 to 6, scale 2.5 to 3.464, 2 modules (c_attn 1, wte 1), 1 layer"
      ),
      ("lora-dora", "DoRA, r 2, α 8, scale 4, 5 modules (q 3, wi 2), 2 layers"),
      ("vera", "r 3, 6 modules (q 3, v 3), 2 layers"),
      ("ia3-trained", "5 modules (k 3, wo 2), 2 layers"),
    ])
  func summaries(name: String, summary: String) throws {
    let run = try peftkit("inspect", Fixtures.adapter(name))
    #expect(run.output.contains("_LM, \(summary)\n"), "\(run.output.prefix(300))")
  }

  @Test("--modules shows the figures of what is added to each weight (L10, L11, U18, U19)")
  func modules() throws {
    let json = try peftkit("inspect", Fixtures.adapter("lokr"), "--modules", "--json").json()
    let modules = try #require(json["modules"] as? [[String: Any]])
    #expect(modules.count == 5)
    let keys: Set = ["name", "rank", "alpha", "scale", "norm", "effective_rank"]
    for module in modules {
      #expect(Set(module.keys) == keys)
      #expect(module["rank"] as? Int == 1 && module["scale"] as? Double == 2)
      let name = try #require(module["name"] as? String)
      // The norm of what PEFT computed.
      let delta = try #require(
        try RawSafeTensors(path: Fixtures.reference("lokr"))[name + ".delta"])
      let squares = stride(from: 0, to: delta.bytes.count, by: 4).map { start in
        let bits = delta.bytes[start..<start + 4].reversed().reduce(UInt32(0)) {
          $0 << 8 | UInt32($1)
        }
        return Double(Float(bitPattern: bits)) * Double(Float(bitPattern: bits))
      }
      let norm = try #require(module["norm"] as? Double)
      #expect(abs(norm / squares.reduce(0, +).squareRoot() - 1) < 1e-6)
      #expect(abs(try #require(module["effective_rank"] as? Double) - 1) < 1e-6)
    }
    let text = try peftkit("inspect", Fixtures.adapter("ia3-trained"), "--modules")
    #expect(text.output.hasSuffix("  (- where Δ depends on the base model)\n"))
    for path in ["prefix-tuning", "lora/adapter_model.safetensors"] {
      #expect(try peftkit("inspect", Fixtures.adapter(path), "--modules").exitCode == 2)
    }
  }

  @Test("--json says what is skipped, and what is noted of shards (L11, T12, N15, H14)")
  func skippedAndNotes() throws {
    let arrays = Fixtures.projectRoot + "/Tests/NumPyArchiveTests/Vectors/read/"
    let text = try peftkit("inspect", arrays + "unheld.npz").output
    let json = try peftkit("inspect", arrays + "unheld.npz", "--json").json()
    let skipped = try #require(json["skipped"] as? [[String: String]])
    #expect(!skipped.isEmpty)
    for item in skipped {
      #expect(Set(item.keys) == ["name", "reason"])
      #expect(text.contains("  \(item["name"] ?? "?") "))
      #expect(text.contains("  \(item["reason"] ?? "?")\n"))
    }

    let directory = try TemporaryDirectory()
    let shard = RawSafeTensors([.init("t", [1], floats: [1]), .init("u", [1], floats: [2])])
    try directory.write(shard.encoded(), to: "model-00001-of-00001.safetensors")
    let index = try directory.write(
      Array(#"{"weight_map": {"t": "model-00001-of-00001.safetensors"}}"#.utf8),
      to: "model.safetensors.index.json")
    let notes = try peftkit("inspect", index, "--json").json()["notes"] as? [String]
    #expect(
      notes == [
        "the index does not list \"u\", which is in model-00001-of-00001.safetensors"
      ])
    // An index has no metadata, whose shards do.
    let metadata = try peftkit("metadata", index)
    #expect(
      metadata.errors == """
        error: \(index): is an index of shards, each of which has its own metadata
        hint: name a shard, such as \(directory.path("model-00001-of-00001.safetensors"))

        """)
    #expect(metadata.exitCode == 2)
  }

  @Test(
    "no metadata is null; extents reach 2^64 - 1; floats that JSON lacks are strings (L11, L12)")
  func oddValues() throws {
    let copy = try AdapterCopy(of: "mpt-one-token")
    try copy.changeWeights {
      $0 = RawSafeTensors([.init("é", "F32", [.max, 0], []), .init("", "U8", [], [1])])
    }
    try copy.replaceInConfig(
      "\"revision\": null", "\"revision\": [NaN, Infinity, -Infinity, 1e400, -0.0, 1E22]")
    let run = try peftkit("inspect", copy.path, "--json")
    let json = try run.json()
    #expect(json["metadata"] is NSNull)
    #expect(run.output.contains("18446744073709551615,"))
    #expect(!run.output.utf8.contains { $0 >= 0x80 })
    let names = (json["tensors"] as? [[String: Any]])?.compactMap { $0["name"] as? String }
    #expect(names.map(Set.init) == ["é", ""])
    #expect(json["parameter_count"] as? Int == 1)
    let revision = (json["config"] as? [String: Any])?["revision"] as? [Any]
    #expect(
      revision?.prefix(4).map { $0 as? String } == ["NaN", "Infinity", "-Infinity", "Infinity"])
    #expect(run.output.contains("-0.0,") && run.output.contains("1e+22"))
  }

  @Test("many tensors are printed in file order, each once (L11)")
  func manyTensors() throws {
    let directory = try TemporaryDirectory()
    let tensors = (0..<3000).map { RawSafeTensors.Tensor("t\($0)", "U8", [1], [0]) }
    let path = try directory.write(RawSafeTensors(tensors).encoded(), to: "a.safetensors")
    let json = try peftkit("inspect", path, "--json").json()
    let names = (json["tensors"] as? [[String: Any]])?.compactMap { $0["name"] as? String }
    #expect(names == tensors.map(\.name))
  }

  @Test("config prints what Python would, of a file or a directory (L13)")
  func config() throws {
    for name in ["mpt-unicode", "lora", "mpt-seq-cls"] {
      let path = Fixtures.adapter(name) + "/adapter_config.json"
      for argument in [Fixtures.adapter(name), path] {
        let run = try peftkit("config", argument)
        #expect(run.exitCode == 0)
        #expect(try Array(run.output.utf8) == bytes(of: path))
      }
    }
  }

  @Test("config checks no meaning (L13)", arguments: ["[1,2]", "{\"peft_type\": 5}", "NaN"])
  func configOfAnything(text: String) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(Array(text.utf8), to: "x.json")
    #expect(try peftkit("config", path).exitCode == 0)
  }

  @Test(
    "config of the JSON vectors is Python's (L13)",
    arguments: ["float-shortest", "not-finite", "surrogate-pairs", "integers-beyond-64-bit"])
  func configVectors(name: String) throws {
    let run = try peftkit("config", Fixtures.path("json/accept/\(name).json"))
    let expected = try bytes(of: Fixtures.path("json/accept/\(name).expected"))
    #expect(Array(run.output.utf8) == expected)
  }
}

@Suite("inspect --base")
struct InspectBaseTests {
  @Test(
    "without a value, the base model comes from the Hub's cache (L73)",
    arguments: ["inspect", "validate"])
  func omittedValue(command: String) throws {
    let cache = try TemporaryDirectory()
    for options in [["--base"], ["--base", "--json"]] {
      let run = try peftkit(
        [command, Fixtures.adapter("mpt-causal-lm")] + options,
        environment: ["HF_HUB_CACHE": cache.path])
      #expect(run.exitCode == 2)
      #expect(run.errors.contains("tiny-gpt2"))
    }
  }

  /// A model of 1,000 elements.
  private func model(_ config: String) throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    let raw = RawSafeTensors([
      .init("a.weight", [30, 30], floats: [Float](repeating: 1, count: 900)),
      .init("a.bias", [100], floats: [Float](repeating: 1, count: 100)),
    ])
    try directory.write(raw.encoded(), to: "model.safetensors")
    try directory.write(Array(config.utf8), to: "config.json")
    return directory
  }

  @Test("the adapter's elements are a share of the model's (L10, L11)")
  func share() throws {
    let adapter = Fixtures.adapter("mpt-one-token")
    let base = try model(#"{"model_type": "gpt2"}"#)
    let text = try peftkit("inspect", adapter, "--base", base.path)
    #expect(
      text.output.contains(
        "\n  base      \(base.path) (gpt2), 1,000 parameters; the adapter has 1.10 % of that\n"),
      "\(text.output)")
    let json = try peftkit("inspect", adapter, "--json", "--base", base.path).json()
    let member = try #require(json["base"] as? [String: Any])
    #expect(member["path"] as? String == base.path)
    #expect(member["model_type"] as? String == "gpt2")
    #expect(member["parameter_count"] as? Int == 1000)
    #expect(member["share"] as? Double == 0.011)
  }

  @Test("a quantized model does not tell it, and a file has no base (L10)")
  func unknown() throws {
    let base = try model(#"{"quantization_config": {"bits": 4}}"#)
    let adapter = Fixtures.adapter("mpt-one-token")
    let text = try peftkit("inspect", adapter, "--base", base.path)
    #expect(text.exitCode == 0)
    #expect(text.output.contains("whose number of parameters its files do not tell"))
    let json = try peftkit("inspect", adapter, "--json", "--base", base.path).json()
    #expect((json["base"] as? [String: Any])?["share"] is NSNull)
    let file = try peftkit(
      "inspect", adapter + "/adapter_model.safetensors", "--base", base.path)
    #expect(file.exitCode == 2)
    #expect(file.errors.contains("is not an adapter: it has no base model"))
  }
}
