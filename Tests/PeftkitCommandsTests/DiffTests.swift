// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite("diff")
struct DiffTests {
  static let adapter = Fixtures.adapter("mpt-causal-lm")
  static let weights = adapter + "/adapter_model.safetensors"

  @Test(
    "the same is exit code 0, in whatever format and order (L28)",
    arguments: [
      (adapter, adapter), (adapter, adapter + "-bin"), (adapter + "-bin", adapter),
      (weights, adapter + "-bin/adapter_model.bin"), (weights, adapter),
    ])
  func same(a: String, b: String) throws {
    let text = try peftkit("diff", a, b)
    #expect(text.exitCode == 0 && text.errors.isEmpty)
    #expect(text.output.contains("\nsame: 3 tensors"))
    let json = try peftkit("diff", a, b, "--json")
    #expect(json.exitCode == 0)
    #expect(try json.json()["same"] as? Bool == true)
  }

  @Test("a config alone makes a difference, a README does not (L28, L29)")
  func config() throws {
    let copy = try AdapterCopy(of: "mpt-causal-lm")
    try copy.directory.write(Array("read me".utf8), to: "adapter/README.md")
    #expect(try peftkit("diff", Self.adapter, copy.path).exitCode == 0)
    try copy.replaceInConfig("\"inference_mode\": true", "\"inference_mode\": false, \"new\": [1]")
    let text = try peftkit("diff", Self.adapter, copy.path)
    #expect(text.exitCode == 1)
    #expect(text.output.contains("\n  inference_mode  changed  true  false\n"))
    #expect(text.output.contains("\n  new             added    -     [1]\n"))
    #expect(text.output.hasSuffix("\ndiffers: 2 config keys; 3 tensors the same\n"))

    let json = try peftkit("diff", Self.adapter, copy.path, "--json").json()
    let config = try #require(json["config"] as? [String: [[String: Any]]])
    #expect(config["removed"]?.isEmpty == true)
    let changed: [String: Any] = ["key": "inference_mode", "a": true, "b": false]
    let added: [String: Any] = ["key": "new", "value": [1]]
    #expect(config["changed"] as NSArray? == [changed] as NSArray)
    #expect(config["added"] as NSArray? == [added] as NSArray)
  }

  /// A LoRA of two modules whose config has these patterns.
  private func lora(alphaPattern patterns: String, in directory: TemporaryDirectory) throws
    -> String
  {
    let modules = ["a.q_proj", "b.q_proj"].map { "base_model.model.\($0).lora_A.weight" }
    let weights = RawSafeTensors(modules.map { .init($0, [1], floats: [1]) })
    let config = #"{"peft_type": "LORA", "r": 1, "alpha_pattern": {\#(patterns)}}"#
    try directory.write(Array(config.utf8), to: "adapter_config.json")
    try directory.write(weights.encoded(), to: "adapter_model.safetensors")
    return directory.path
  }

  @Test("the order of pattern keys makes a difference where a module's value does (L28, L33)")
  func patternOrder() throws {
    let directories = [
      try TemporaryDirectory(), try TemporaryDirectory(), try TemporaryDirectory(),
    ]
    let a = try lora(alphaPattern: #""q_proj": 32, "b.q_proj": 4"#, in: directories[0])
    let b = try lora(alphaPattern: #""b.q_proj": 4, "q_proj": 32"#, in: directories[1])
    let text = try peftkit("diff", a, b)
    #expect(text.exitCode == 1)
    #expect(
      text.output.contains(
        "\norder of the keys in alpha_pattern\n  module    a   b\n  b.q_proj  32  4\n"))
    #expect(text.output.hasSuffix("\ndiffers: 1 config key; 2 tensors the same\n"))
    let config = try peftkit("diff", a, b, "--json").json()["config"] as? [String: [[String: Any]]]
    let module: [String: Any] = ["name": "b.q_proj", "a": 32, "b": 4]
    let expected: [String: Any] = ["key": "alpha_pattern", "modules": [module]]
    #expect(config?["reordered"] as NSArray? == [expected] as NSArray)
    #expect(config?["changed"]?.isEmpty == true)

    // A conversion keeps the order, and printing says that sorting loses it.
    let converted = directories[2].path("converted")
    #expect(try peftkit("convert", a, converted).exitCode == 0)
    #expect(try peftkit("diff", a, converted).exitCode == 0)
    let printed = try peftkit("config", a)
    #expect(printed.exitCode == 0)
    #expect(
      printed.errors
        == "note: sorting changes the meaning of \"alpha_pattern\": PEFT takes the first key that "
        + "matches a module, and \"q_proj\" comes before \"b.q_proj\" in the file\n")
    #expect(try peftkit("config", b).errors.isEmpty)
  }

  @Test("of an adapter and a file the tensors alone are compared, and it says so (L28)")
  func adapterAndFile() throws {
    let run = try peftkit("diff", Self.adapter, Self.weights)
    #expect(run.output.hasSuffix("\nsame: 3 tensors\nthe config is not compared: b is a file\n"))
    let json = try peftkit("diff", Self.weights, Self.adapter, "--json").json()
    #expect(json["config"] is NSNull)
    #expect((json["a"] as? [String: String])?["kind"] == "file")
    #expect((json["b"] as? [String: String])?["kind"] == "adapter")
  }

  @Test("the kind of a side is that which inspect gives (L28, L33)")
  func models() throws {
    let directory = try TemporaryDirectory()
    try FileManager.default.copyItem(
      atPath: Self.weights, toPath: directory.path("model.safetensors"))
    let text = try peftkit("diff", Self.adapter, directory.path)
    #expect(text.output.hasSuffix("\nsame: 3 tensors\nthe config is not compared: b is a model\n"))
    let json = try peftkit("diff", directory.path, directory.path, "--json").json()
    for side in ["a", "b"] {
      #expect((json[side] as? [String: String])?["kind"] == "model")
    }
  }

  @Test("a directory with an adapter's config is an adapter, whatever else it has (C30, H26)")
  func configBesideModel() throws {
    let directory = try TemporaryDirectory()
    try FileManager.default.copyItem(
      atPath: Self.weights, toPath: directory.path("model.safetensors"))
    try FileManager.default.copyItem(
      atPath: Self.adapter + "/adapter_config.json", toPath: directory.path("adapter_config.json"))
    let run = try peftkit("inspect", directory.path)
    #expect(run.exitCode == 2)
    #expect(run.errors.contains("it has no adapter_model.safetensors or adapter_model.bin"))
  }

  /// Two files with a difference of each kind.
  private func pair(in directory: TemporaryDirectory) throws -> (a: String, b: String) {
    let nan: [UInt8] = [0, 0, 0xC0, 0x7F]
    func f32(_ bits: UInt32...) -> [UInt8] { bits.flatMap { littleEndian($0) } }
    let a = RawSafeTensors(
      [
        .init("close", [2, 2], floats: [1, -2, 3, 4]),
        .init("bits", "F32", [2], f32(0, 0x7FC0_0000)),
        .init("nan", [2], floats: [1, 1]), .init("wide", [2], floats: [1, 0.25]),
        .init("i", "I64", [1], littleEndian(Int64.min)), .init("f4", "F4", [2], [0x21]),
        .init("shape", [2], floats: [1, 2]), .init("gone", [1], floats: [1]),
      ], metadata: ["format": "pt"])
    let b = RawSafeTensors([
      .init("close", [2, 2], floats: [1, -2, (3 as Float).nextUp, 4.5]),
      .init("bits", "F32", [2], f32(0x8000_0000, 0xFFC0_0001)),
      .init("nan", "F32", [2], f32(0x3F80_0000) + nan),
      .init("wide", "BF16", [2], [0x80, 0x3F, 0xC0, 0x3E]),
      .init("i", "I64", [1], littleEndian(Int64.max)), .init("f4", "F4", [2], [0x31]),
      .init("shape", [2, 1], floats: [1, 2]), .init("new", "U8", [1], [1]),
    ])
    return (
      try directory.write(a.encoded(), to: "a.safetensors"),
      try directory.write(b.encoded(), to: "b.safetensors")
    )
  }

  @Test("each kind of difference as text (L29 to L32)")
  func text() throws {
    let directory = try TemporaryDirectory()
    _ = try pair(in: directory)
    let run = try peftkit(["diff", "a.safetensors", "b.safetensors"], in: directory.path)
    #expect(run.exitCode == 1 && run.errors.isEmpty)
    #expect(
      run.output == """
        a: a.safetensors (safetensors)
        b: b.safetensors (safetensors)

        metadata (does not count)
          key     change   a   b
          format  removed  pt  -

        tensors
          name   change   dtype       shape                    different  max ULP               max abs  at      max rel
          gone   removed  F32         [1]                              -        -                     -  -             -
          new    added    U8          [1]                              -        -                     -  -             -
          bits   changed  F32         [2]           2 of 2, values equal        -                     -  -             -
          close  changed  F32         [2, 2]                      2 of 4  1048576                 0.500  [1, 1]    0.125
          f4     changed  F4          [2]                         1 of 2        -                     -  -             -
          i      changed  I64         [1]                         1 of 1        -  18446744073709551615  [0]           -
          nan    changed  F32         [2]                         1 of 2        -                     -  -             -
          shape  changed  F32         [2] → [2, 1]                     -        -                     -  -             -
          wide   changed  F32 → BF16  [2]                  1 of 2 values        -                 0.125  [1]       0.500
        f4: the values of F4 are not compared, only their bits
        nan: 1 element NaN on one side only

        differs: 7 tensors changed, 1 tensor added, 1 tensor removed; 0 tensors the same

        """)
  }

  @Test("each kind of difference as JSON, with these keys and no others (L30, L31, L33)")
  func json() throws {
    let directory = try TemporaryDirectory()
    let files = try pair(in: directory)
    let run = try peftkit("diff", files.a, files.b, "--json")
    #expect(run.exitCode == 1 && run.errors.isEmpty)
    let json = try run.json()
    #expect(
      Set(json.keys) == ["a", "b", "same", "config", "metadata", "tensors", "not_compared"])
    #expect(
      json["a"] as? [String: String] == [
        "path": files.a, "kind": "file", "format": "safetensors",
      ])
    #expect(json["same"] as? Bool == false)
    let metadata = try #require(json["metadata"] as? [String: [[String: String]]])
    #expect(
      metadata == ["added": [], "changed": [], "removed": [["key": "format", "value": "pt"]]])
    let tensors = try #require(json["tensors"] as? [String: Any])
    #expect(Set(tensors.keys) == ["same_count", "added", "removed", "changed"])
    #expect(tensors["same_count"] as? Int == 0)
    let new: [String: Any] = ["name": "new", "dtype": "U8", "shape": [1], "byte_count": 1]
    #expect(tensors["added"] as? NSArray == [new] as NSArray)
    #expect((tensors["removed"] as? [[String: Any]])?.map { $0["name"] as? String } == ["gone"])
    let list = try #require(tensors["changed"] as? [[String: Any]])
    let names = list.map { $0["name"] as? String }
    #expect(names == ["bits", "close", "f4", "i", "nan", "shape", "wide"])

    /// What is not null of an entry, without name and sides.
    func facts(_ index: Int) -> NSDictionary {
      let keys: Set = [
        "name", "a", "b", "element_count", "different_count", "unequal_count", "nan_count",
        "largest_ulp_distance", "largest_ulp_position", "largest_absolute_difference",
        "largest_absolute_position", "largest_relative_difference", "largest_relative_position",
      ]
      #expect(Set(list[index].keys) == keys)
      return list[index].filter { !["name", "a", "b"].contains($0.key) && !($0.value is NSNull) }
        as NSDictionary
    }
    #expect(
      facts(0) == [
        "element_count": 2, "different_count": 2, "unequal_count": 0, "nan_count": 0,
      ])
    #expect(
      facts(1) == [
        "element_count": 4, "different_count": 2, "unequal_count": 2, "nan_count": 0,
        "largest_ulp_distance": 0x10_0000, "largest_ulp_position": [1, 1],
        "largest_absolute_difference": 0.5, "largest_absolute_position": [1, 1],
        "largest_relative_difference": 0.125, "largest_relative_position": [1, 1],
      ])
    #expect(facts(2) == ["element_count": 2, "different_count": 1])
    #expect(
      facts(3) == [
        "element_count": 1, "different_count": 1, "unequal_count": 1, "nan_count": 0,
        "largest_absolute_difference": UInt64.max, "largest_absolute_position": [0],
      ])
    #expect(
      facts(4) == [
        "element_count": 2, "different_count": 1, "unequal_count": 1, "nan_count": 1,
      ])
    #expect(facts(5) == [:])
    #expect(
      facts(6) == [
        "element_count": 2, "unequal_count": 1, "nan_count": 0,
        "largest_absolute_difference": 0.125, "largest_absolute_position": [1],
        "largest_relative_difference": 0.5, "largest_relative_position": [1],
      ])
    #expect((list[6]["a"] as? [String: Any])?["dtype"] as? String == "F32")
    #expect((list[6]["b"] as? [String: Any])?["dtype"] as? String == "BF16")
    #expect((list[5]["b"] as? [String: Any])?["shape"] as? [Int] == [2, 1])
  }

  @Test("what convert would skip is listed and does not count (L29)")
  func skipped() throws {
    let path = Fixtures.path("torch/written/unsupported-2.15.0")
    let run = try peftkit("diff", path + ".bin", path + ".safetensors")
    #expect(run.exitCode == 0)
    #expect(run.output.contains("\nnot compared\n"))
    let json = try peftkit("diff", path + ".bin", path + ".safetensors", "--json").json()
    let items = try #require(json["not_compared"] as? [[String: Any]])
    #expect(!items.isEmpty)
    for item in items {
      #expect(Set(item.keys) == ["in", "name", "type", "is_tensor"])
      #expect(item["in"] as? String == "a")
    }
  }

  @Test(
    "what cannot be read is exit code 2, with its path and nothing on standard output (L2, L28)",
    arguments: [true, false])
  func unreadable(isFirst: Bool) throws {
    let directory = try TemporaryDirectory()
    for name in ["missing", "cut.safetensors"] {
      let path = directory.path(name)
      if name != "missing" { try directory.write(bytes(of: Self.weights).dropLast(), to: name) }
      let run = try peftkit("diff", isFirst ? path : Self.weights, isFirst ? Self.weights : path)
      #expect(run.exitCode == 2)
      #expect(run.output.isEmpty)
      #expect(run.errors.hasPrefix("error: \(path): "))
    }
  }

  @Test("names and texts from files cannot move the cursor (L5)")
  func control() throws {
    let directory = try TemporaryDirectory()
    let a = try directory.write(
      RawSafeTensors([.init("\u{1B}[2J", "U8", [1], [0])], metadata: ["\u{1B}k": "\u{1B}v"])
        .encoded(), to: "a.safetensors")
    let b = try directory.write(
      RawSafeTensors([.init("\u{1B}[2J", "U8", [1], [1])]).encoded(), to: "b.safetensors")
    let run = try peftkit("diff", a, b)
    #expect(run.exitCode == 1)
    #expect(!run.output.contains("\u{1B}"))
    #expect(run.output.contains("\\u{1b}[2J") && run.output.contains("\\u{1b}v"))
  }
}

@Suite("inspect --digest")
struct DigestTests {
  @Test("text and JSON have the digest, and each tensor its own (L10, L11)")
  func digest() throws {
    let adapter = Fixtures.adapter("mpt-causal-lm")
    let json = try peftkit("inspect", adapter, "--json", "--digest").json()
    let digest = try #require(json["digest"] as? String)
    #expect(digest.wholeMatch(of: /sha256:[0-9a-f]{64}/) != nil)
    let tensors = try #require(json["tensors"] as? [[String: Any]])
    let digests = tensors.compactMap { $0["digest"] as? String }
    #expect(digests.count == 3)
    let text = try peftkit("inspect", adapter, "--digest").output
    #expect(text.contains("\n  digest    \(digest)\n"))
    for digest in digests {
      #expect(digest.wholeMatch(of: /sha256:[0-9a-f]{64}/) != nil)
      #expect(text.contains("  \(digest.dropFirst(7).prefix(16))\n"))
    }
    let torch = try peftkit("inspect", adapter + "-bin", "--json", "--digest").json()
    #expect(torch["digest"] as? String == digest)
  }

  @Test("nothing is said of digests without --digest (L10, L11)")
  func absent() throws {
    let adapter = Fixtures.adapter("mpt-causal-lm")
    #expect(!(try peftkit("inspect", adapter).output.contains("sha256")))
    #expect(!(try peftkit("inspect", adapter, "--json").output.contains("sha256")))
  }
}
