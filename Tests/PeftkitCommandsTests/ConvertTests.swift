// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite("convert")
struct ConvertTests {
  static let weights = Fixtures.adapter("mpt-causal-lm") + "/adapter_model.safetensors"

  /// Runs a conversion that must do its work in silence.
  private func convert(_ arguments: String...) throws {
    let run = try peftkit(["convert"] + arguments)
    #expect(run.exitCode == 0, "\(run.errors)")
    #expect(run.output.isEmpty && run.errors.isEmpty)
  }

  private func expectRefusal(_ arguments: [String], _ errors: String) throws {
    let run = try peftkit(["convert"] + arguments)
    #expect(run.exitCode == 2)
    #expect(run.output.isEmpty)
    #expect(run.errors == errors)
  }

  @Test("a file becomes the same file, by extension or by --to (L14)")
  func file() throws {
    let directory = try TemporaryDirectory()
    try convert(Self.weights, directory.path("a.safetensors"))
    try convert(Self.weights, directory.path("b.SafeTensors"))
    try convert(Self.weights, directory.path("c.bin"), "--to", "safetensors")
    try convert(Self.weights, directory.path("d"), "--to", "safetensors", "--no-sync")
    #expect(try directory.names == ["a.safetensors", "b.SafeTensors", "c.bin", "d"])
    for name in try directory.names {
      #expect(try bytes(of: directory.path(name)) == bytes(of: Self.weights), "\(name)")
    }
  }

  @Test(
    "__metadata__ stays as it is, and none stays none (L15)",
    arguments: [nil, [:], ["format": "np", "a": "é\n"]] as [[String: String]?])
  func metadata(metadata: [String: String]?) throws {
    let directory = try TemporaryDirectory()
    let file = RawSafeTensors([.init("t", [2], floats: [1, .nan])], metadata: metadata)
    let source = try directory.write(file.encoded(misalignment: 3), to: "in.safetensors")
    try convert(source, directory.path("out.safetensors"))
    let result = try RawSafeTensors(path: directory.path("out.safetensors"))
    #expect(result.metadata == metadata)
    #expect(result["t"]?.bytes == file["t"]?.bytes)
  }

  @Test("an existing file is replaced with --force only (L8, L9)")
  func existingFile() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write([1, 2, 3], to: "out.safetensors")
    try expectRefusal(
      [Self.weights, path], "error: \(path): already exists\nhint: --force replaces it\n")
    #expect(try bytes(of: path) == [1, 2, 3])
    try convert(Self.weights, path, "--force")
    #expect(try bytes(of: path) == bytes(of: Self.weights))
    #expect(try directory.names == ["out.safetensors"])
  }

  @Test(
    "the error about an unknown dtype gives the known ones (V12, V13)",
    arguments: [
      ("complex128", "known dtypes: uint64, int64, float64, complex64, float32,"),
      ("*=bf16", "did you mean bfloat16?"), ("FP16", "did you mean float16?"),
      ("F8_E4M3", "did you mean float8_e4m3fn?"),
    ])
  func unknownDType(dtype: String, advice: String) throws {
    let run = try peftkit("convert", Self.weights, "o.safetensors", "--dtype", dtype)
    let name = dtype.replacingOccurrences(of: "*=", with: "")
    #expect(run.errors.contains("unknown dtype '\(name)'; \(advice)"))
    #expect(run.exitCode == 64)
  }

  @Test("the layout that can hold a tensor is named as the option takes it (T22)")
  func layoutHint() throws {
    let directory = try TemporaryDirectory()
    try expectRefusal(
      [
        Self.weights, directory.path("a.bin"), "--torch-layout", "1.13", "--dtype", "float8_e5m2",
      ],
      """
      error: \(Self.weights): no release of torch that writes layout 1.13 has the dtype F8_E5M2 \
      (tensor "prefix_task_cols")
      hint: --torch-layout 2.1 can hold it

      """)
  }

  @Test("a tree is hinted at --recursive (C32)")
  func treeHint() throws {
    let directory = try TemporaryDirectory()
    let (source, output) = (directory.path("tree"), directory.path("out"))
    let message = "error: \(source): is not an adapter directory: it has no adapter_config.json\n"
    try FileManager.default.createDirectory(
      atPath: source + "/a/b", withIntermediateDirectories: true)
    try expectRefusal([source, output], message)
    try FileManager.default.copyItem(atPath: Self.weights, toPath: source + "/a/b/x.SAFETENSORS")
    let advice = "--recursive converts every adapter and checkpoint in it\n"
    try expectRefusal([source, output], message + "hint: " + advice)
    try Data().write(to: URL(fileURLWithPath: source + "/a/adapter_config.json"))
    try expectRefusal(
      [source, output], message + "hint: there is an adapter in \(source)/a; " + advice)
  }

  @Test("a file may be converted in place (L17)")
  func fileInPlace() throws {
    let directory = try TemporaryDirectory()
    let file = RawSafeTensors([.init("t", [1], floats: [1])])
    let path = try directory.write(file.encoded(misalignment: 1), to: "a.safetensors")
    try expectRefusal(
      [path, path], "error: \(path): already exists\nhint: --force replaces it\n")
    try convert(path, path, "--force")
    #expect(try RawSafeTensors(path: path)["t"]?.bytes == file["t"]?.bytes)
    #expect(try bytes(of: path).count % 8 == 4)
    #expect(try directory.names == ["a.safetensors"])
  }

  @Test("a link is replaced, not what it leads to (L8)")
  func link() throws {
    let directory = try TemporaryDirectory()
    let target = try directory.write([7], to: "target")
    let link = directory.path("link.safetensors")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
    try convert(Self.weights, link, "--force")
    #expect(try bytes(of: target) == [7])
    #expect(try bytes(of: link) == bytes(of: Self.weights))
  }

  @Test("a directory and a file do not replace each other (L8)")
  func kinds() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write([7], to: "file")
    try FileManager.default.createDirectory(
      atPath: directory.path("directory"), withIntermediateDirectories: false)
    try expectRefusal(
      [Self.weights, directory.path("directory"), "--to", "safetensors", "--force"],
      "error: \(directory.path("directory")): is a directory\n")
    try expectRefusal(
      [Fixtures.adapter("mpt-causal-lm"), file, "--force"],
      "error: \(file): is not a directory\n")
    // Nor does a hint promise that --force would.
    try expectRefusal(
      [Self.weights, directory.path("directory"), "--to", "safetensors"],
      "error: \(directory.path("directory")): already exists\n"
        + "hint: it is a directory: name a file in it\n")
    try expectRefusal(
      [Fixtures.adapter("mpt-causal-lm"), file],
      "error: \(file): already exists\nhint: it is not a directory: name another place\n")
    #expect(try directory.names == ["directory", "file"])
  }

  @Test("where the directory of an output is not there the hint names it (L3)")
  func noParent() throws {
    let directory = try TemporaryDirectory()
    for (source, name, kind) in [
      (Self.weights, "x.safetensors", "file"), (Fixtures.adapter("lora"), "x", "directory"),
    ] {
      let target = directory.path("absent/" + name)
      try expectRefusal(
        [source, target],
        "error: \(target): cannot create a \(kind) next to it: No such file or directory\n"
          + "hint: there is no directory \(directory.path("absent"))\n")
    }
  }

  @Test("an adapter that PEFT saved comes out the same, file by file (L16)")
  func directories() throws {
    let directory = try TemporaryDirectory()
    for name in ["mpt-causal-lm", "mpt-seq-cls", "mpt-two-adapters", "mpt-unicode", "lora"] {
      let target = directory.path(name)
      try convert(Fixtures.adapter(name), target)
      #expect(try contents(of: target) == contents(of: Fixtures.adapter(name)), "\(name)")
    }
  }

  @Test("weights that PEFT does not load are reported (V33)")
  func superseded() throws {
    let copy = try AdapterCopy(of: "lora")
    try Data([1]).write(to: URL(fileURLWithPath: copy.path + "/adapter_model.bin"))
    let run = try peftkit("convert", copy.path, copy.directory.path("out"))
    #expect(run.exitCode == 0)
    #expect(
      run.errors == "note: adapter_model.bin was left out: PEFT loads adapter_model.safetensors "
        + "instead\n")
  }

  /// A model of one file with an index that names it, and a config.
  private func indexedModel(in directory: TemporaryDirectory) throws -> String {
    let weights = RawSafeTensors([.init("x", [2], floats: [1, 2]), .init("y", [1], floats: [3])])
    try FileManager.default.createDirectory(
      atPath: directory.path("model"), withIntermediateDirectories: false)
    try directory.write(weights.encoded(), to: "model/model.safetensors")
    let index =
      #"{"metadata": {"total_size": 9, "k": 1}, "weight_map": {"x": "model.safetensors"}}"#
    try directory.write(Array(index.utf8), to: "model/model.safetensors.index.json")
    try directory.write(Array("{}".utf8), to: "model/config.json")
    return directory.path("model")
  }

  @Test("the index of a single file is written again (V21)")
  func singleFileIndex() throws {
    let directory = try TemporaryDirectory()
    let source = try indexedModel(in: directory)
    for (format, file) in [("safetensors", "model.safetensors"), ("torch", "pytorch_model.bin")] {
      let target = directory.path(format)
      let run = try peftkit("convert", source, target, "--to", format, "--rename", "y=z")
      #expect(run.exitCode == 0 && run.errors.isEmpty)
      let written = try contents(of: target)
      #expect(written.keys.sorted() == ["config.json", file, file + ".index.json"])
      let index = try #require(written[file + ".index.json"])
      let expected =
        "{\n  \"metadata\": {\n    \"k\": 1,\n    \"total_parameters\": 3,\n    \"total_size\": 12\n  },\n"
        + "  \"weight_map\": {\n    \"x\": \"\(file)\",\n    \"z\": \"\(file)\"\n  }\n}\n"
      #expect(String(decoding: index, as: UTF8.self) == expected)
    }
  }

  @Test("a model's weights next to an adapter's config are of neither (H33)")
  func adapterConfigOfModel() throws {
    let directory = try TemporaryDirectory()
    let source = try indexedModel(in: directory)
    try directory.write(Array("{}".utf8), to: "model/adapter_config.json")
    let errors = """
      error: \(source): is not an adapter directory: it has no adapter_model.safetensors or \
      adapter_model.bin
      hint: model.safetensors is the name of a model's weights; PEFT loads those of an adapter from \
      adapter_model.safetensors or adapter_model.bin

      """
    for arguments in [["inspect", source], ["validate", source], ["diff", source, source]] {
      let run = try peftkit(arguments)
      #expect(run.exitCode == 2 && run.errors == errors)
    }
    let run = try peftkit("convert", source, directory.path("out"))
    #expect(run.exitCode == 2 && run.errors.hasPrefix(errors.dropLast()))
  }

  @Test("an index without metadata is a finding, which a conversion repairs (H3)")
  func indexWithoutMetadata() throws {
    let directory = try TemporaryDirectory()
    for name in ["x", "y"] {
      let shard = RawSafeTensors(
        [.init(name, [1], floats: [1])], metadata: ["format": "pt"])
      try directory.write(shard.encoded(), to: name)
    }
    let index = #"{"weight_map": {"x": "x", "y": "y"}}"#
    let path = try directory.write(Array(index.utf8), to: "model.safetensors.index.json")
    for source in [path, directory.path] {
      let run = try peftkit("validate", source)
      #expect(run.exitCode == 1 && run.output.contains("[index-without-metadata]"))
    }
    let out = try TemporaryDirectory()
    #expect(try peftkit("convert", directory.path, out.path("m")).exitCode == 0)
    let converted = try peftkit("validate", out.path("m"))
    #expect(!converted.output.contains("[index-without-metadata]"), "\(converted.output)")
  }

  @Test("outputs are as private as their sources, in place too (L68)")
  func permissions() throws {
    let copy = try AdapterCopy(of: "lora")
    let names = ["adapter_model.safetensors", "adapter_config.json", "README.md"]
    for name in names { chmod(copy.path + "/" + name, 0o600) }
    chmod(copy.path, 0o700)
    try convert(copy.path, copy.directory.path("out"))
    try convert(copy.path, copy.path, "--force")
    try convert(copy.path + "/" + names[0], copy.directory.path("x.bin"))
    let outputs = names.map { copy.directory.path("out/" + $0) } + [copy.directory.path("x.bin")]
    for path in outputs + names.map({ copy.path + "/" + $0 }) {
      #expect(try mode(of: path) == 0o600, "\(path)")
    }
    #expect(try mode(of: copy.directory.path("out")) == 0o700)
    #expect(try mode(of: copy.path) == 0o700)
  }

  @Test("what is made of several shards is as private as the most private of them (L68)")
  func permissionsOfShards() throws {
    let directory = try TemporaryDirectory()
    let model = try model(in: directory, "model", shards: 3)
    let shards = (1...3).map { String(format: "/model-%05d-of-00003.safetensors", $0) }
    chmod(model + shards[1], 0o600)
    let index = model + "/model.safetensors.index.json"
    chmod(index, 0o644)
    try convert(index, directory.path("whole.safetensors"))
    #expect(try mode(of: directory.path("whole.safetensors")) == 0o600)
    try convert(model, directory.path("cast"), "--dtype", "float16")
    let usual = try mode(of: model + shards[0])
    let modes = try shards.map { try mode(of: directory.path("cast") + $0) }
    #expect(modes == [usual, 0o600, usual])
    // An index that is new tells of all.
    try convert(model, directory.path("torch"), "--to", "torch")
    #expect(try mode(of: directory.path("torch/pytorch_model.bin.index.json")) == 0o600)
  }

  private func mode(of path: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
  }

  @Test("the config is re-encoded, other files travel, superseded weights do not (L16)")
  func everything() throws {
    let copy = try AdapterCopy(of: "mpt-two-adapters")
    let config = try bytes(of: copy.configPath)
    try copy.replaceInConfig(
      "{\n  \"auto_mapping\": null,", "{\"zz\": 1e5,\n\n\"auto_mapping\": null ,")
    try copy.replaceInConfig("\n}", "  \n}\n")
    let superseded = copy.path + "/adapter_model.bin"
    try Data([1]).write(to: URL(fileURLWithPath: superseded))
    let deep = copy.path + "/a/b/c"
    try FileManager.default.createDirectory(atPath: deep, withIntermediateDirectories: true)
    try FileManager.default.createDirectory(
      atPath: copy.path + "/empty", withIntermediateDirectories: true)
    try Data([9, 9]).write(to: URL(fileURLWithPath: deep + "/x"))
    try Data([8]).write(to: URL(fileURLWithPath: deep + "/adapter_model.bin"))
    let big = [UInt8](repeating: 0xA5, count: 3_000_001)
    try Data(big).write(to: URL(fileURLWithPath: copy.path + "/big"))
    try FileManager.default.createSymbolicLink(
      atPath: copy.path + "/link.md", withDestinationPath: "README.md")
    try FileManager.default.createSymbolicLink(
      atPath: copy.path + "/linked", withDestinationPath: "a/b")

    let target = copy.directory.path("out")
    #expect(try peftkit("convert", copy.path, target).exitCode == 0)
    let result = try contents(of: target)
    #expect(
      result.keys.sorted() == [
        "README.md", "a/b/c/adapter_model.bin", "a/b/c/x", "adapter_config.json",
        "adapter_model.safetensors", "big", "link.md", "linked/c/adapter_model.bin", "linked/c/x",
        "other/adapter_config.json", "other/adapter_model.safetensors",
      ])
    #expect(FileManager.default.fileExists(atPath: target + "/empty"))
    #expect(result["link.md"] == result["README.md"])
    #expect(result["big"] == big)
    let expected = String(decoding: config, as: UTF8.self)
      .replacingOccurrences(of: "\n}", with: ",\n  \"zz\": 100000.0\n}")
    #expect(result["adapter_config.json"] == Array(expected.utf8))
    for name in ["link.md", "linked"] {
      let attributes = try FileManager.default.attributesOfItem(atPath: target + "/" + name)
      #expect(attributes[.type] as? FileAttributeType != .typeSymbolicLink)
    }
  }

  @Test("links to files elsewhere become files, as hub caches need (L16)")
  func hubCache() throws {
    let directory = try TemporaryDirectory()
    let snapshot = directory.path("snapshot")
    try FileManager.default.createDirectory(
      atPath: snapshot, withIntermediateDirectories: false)
    let source = Fixtures.adapter("mpt-causal-lm")
    for name in try files(below: source) {
      try FileManager.default.createSymbolicLink(
        atPath: snapshot + "/" + name, withDestinationPath: source + "/" + name)
    }
    try convert(snapshot, directory.path("out"))
    #expect(try contents(of: directory.path("out")) == contents(of: source))
  }

  @Test("a directory is replaced as a whole, with --force only; in place too (L8, L17)")
  func existingDirectory() throws {
    let copy = try AdapterCopy(of: "mpt-one-token")
    let target = copy.directory.path("out")
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: false)
    try Data([1]).write(to: URL(fileURLWithPath: target + "/old"))
    try expectRefusal(
      [copy.path, target],
      "error: \(target): already exists\nhint: --force replaces it, with everything in it\n")
    #expect(try files(below: target) == ["old"])
    try convert(copy.path, target, "--force")
    #expect(try contents(of: target) == contents(of: copy.path))
    let before = try contents(of: copy.path)
    try convert(copy.path, copy.path + "/", "--force")
    #expect(try contents(of: copy.path) == before)
    #expect(try copy.directory.names == ["adapter", "out"])
  }

  @Test("one directory in the other is refused, however it is spelled (L17)")
  func nested() throws {
    let copy = try AdapterCopy(of: "mpt-two-adapters")
    let before = try contents(of: copy.path)
    for (source, target) in [
      (copy.path, copy.path + "/in"), (copy.path, copy.path + "/other/deep"),
      (copy.path, copy.path + "/./in/"),
    ] {
      try expectRefusal(
        [source, target],
        "error: \(target): is inside \(source), the directory being converted\n")
    }
    for (source, target) in [
      (copy.path + "/other", copy.path), (copy.path, copy.directory.path),
    ] {
      try expectRefusal(
        [source, target, "--force"],
        "error: \(target): contains \(source), the directory being converted\n")
    }
    let link = copy.directory.path("link")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: copy.path)
    let run = try peftkit("convert", copy.path, link + "/in")
    #expect(run.exitCode == 2)
    #expect(try contents(of: copy.path) == before)
    #expect(try copy.directory.names == ["adapter", "link"])
  }

  @Test("pipes, links to nowhere and endless trees are refused, and nothing stays (L7, L18)")
  func uncopyable() throws {
    let copy = try AdapterCopy(of: "mpt-one-token")
    let target = copy.directory.path("out")
    let entry = copy.path + "/entry"
    #expect(mkfifo(entry, 0o600) == 0)
    let reason = "cannot be converted or copied: it is neither a file nor a directory"
    try expectRefusal([copy.path, target], "error: \(entry): \(reason)\n")
    try FileManager.default.removeItem(atPath: entry)
    try FileManager.default.createSymbolicLink(atPath: entry, withDestinationPath: "nowhere")
    try expectRefusal([copy.path, target], "error: \(entry): \(reason)\n")
    try FileManager.default.removeItem(atPath: entry)
    try FileManager.default.createSymbolicLink(atPath: entry, withDestinationPath: ".")
    let run = try peftkit("convert", copy.path, target)
    #expect(run.exitCode == 2)
    #expect(run.errors.contains("is nested deeper than 32 directories"))
    #expect(run.errors.hasSuffix("hint: does a symbolic link lead back to its own parent?\n"))
    #expect(try copy.directory.names == ["adapter"])
  }

  @Test("whatever fails, no temporary stays and nothing is replaced (L7)")
  func leavesNothing() throws {
    let copy = try AdapterCopy(of: "mpt-one-token")
    let weights = try bytes(of: copy.weightsPath)
    let existing = try copy.directory.write([1], to: "existing.safetensors")
    try Data(weights.dropLast()).write(to: URL(fileURLWithPath: copy.weightsPath))
    let out = copy.directory.path("out")
    for arguments in [
      [copy.path, out], [copy.path, copy.path, "--force"], [copy.weightsPath, existing, "--force"],
      [copy.weightsPath, copy.directory.path("new.safetensors")],
    ] {
      #expect(try peftkit(["convert"] + arguments).exitCode == 2)
    }
    #expect(try bytes(of: existing) == [1])
    #expect(try copy.directory.names == ["adapter", "existing.safetensors"])
    #expect(
      try files(below: copy.path) == [
        "README.md", "adapter_config.json", "adapter_model.safetensors",
      ])
    try Data(weights).write(to: URL(fileURLWithPath: copy.weightsPath))
    let run = try peftkit("convert", copy.path, copy.directory.path("none/out"))
    #expect(run.exitCode == 2)
    #expect(run.errors.hasPrefix("error: \(copy.directory.path("none/out")): "))
    #expect(try copy.directory.names == ["adapter", "existing.safetensors"])
  }

  @Test("no command leaves a temporary beside its output (L7)")
  func noTemporaries() throws {
    let copy = try AdapterCopy(of: "mpt-one-token")
    try convert(copy.path, copy.directory.path("b"), "--no-sync")
    try convert(copy.weightsPath, copy.directory.path("c.safetensors"))
    let run = try peftkit("forward", copy.path, "--tasks", "0", "-o", copy.directory.path("d"))
    #expect(run.exitCode == 0)
    #expect(try copy.directory.names == ["adapter", "b", "c.safetensors", "d"])
  }

  /// A model whose shards have one tensor each.
  private func model(
    in directory: TemporaryDirectory, _ name: String, shards count: Int = 2
  ) throws -> String {
    let path = directory.path(name)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    var map: [String] = []
    for number in 1...count {
      let shard = String(format: "model-%05d-of-%05d.safetensors", number, count)
      let file = RawSafeTensors([.init("t\(number)", [1], floats: [Float(number)])])
      try Data(file.encoded()).write(to: URL(fileURLWithPath: path + "/" + shard))
      map.append("\"t\(number)\": \"\(shard)\"")
    }
    let index = "{\"metadata\": {}, \"weight_map\": {\(map.joined(separator: ", "))}}"
    try Data(index.utf8).write(to: URL(fileURLWithPath: path + "/model.safetensors.index.json"))
    try Data("{}".utf8).write(to: URL(fileURLWithPath: path + "/config.json"))
    return path
  }

  @Test(
    "a directory of shards does not take the place of one that holds the source (L17)",
    arguments: ["model", ".", "link"])
  func sourceInDestination(name: String) throws {
    let directory = try TemporaryDirectory()
    let parent = directory.path("parent")
    let model = try model(in: directory, "parent/model")
    try FileManager.default.createSymbolicLink(
      atPath: directory.path("link"), withDestinationPath: "parent")
    let before = try contents(of: parent)
    let target = name == "model" ? model : name == "." ? parent : directory.path("link") + "/model"
    for source in ["model.safetensors.index.json", "model-00001-of-00002.safetensors"] {
      let source = model + "/" + source
      let run = try peftkit("convert", source, target, "--max-shard-size", "1KB", "--force")
      #expect(run.exitCode == 2)
      #expect(
        run.errors.hasPrefix("error: \(target): contains \(source), the file being converted\n"))
      #expect(try contents(of: parent) == before)
    }
  }

  @Test("shards are not merged into one of them (L17)")
  func shardAsDestination() throws {
    let directory = try TemporaryDirectory()
    let model = try model(in: directory, "model")
    let index = model + "/model.safetensors.index.json"
    let before = try contents(of: model)
    try expectRefusal(
      [index, model + "/./model-00002-of-00002.safetensors", "--force"],
      "error: \(model)/./model-00002-of-00002.safetensors: is a shard of \(index), which is "
        + "being converted\nhint: name another file\n")
    #expect(try contents(of: model) == before)
    try convert(index, model + "/other.safetensors")
  }

  @Test(
    "a link to a device or an open file is not replaced (L8)",
    arguments: ["/dev/null", "/proc/self/fd/1"])
  func linkToStream(target: String) throws {
    let directory = try TemporaryDirectory()
    let link = directory.path("stdout")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
    try expectRefusal(
      [Self.weights, link, "--to", "safetensors", "--force"],
      "error: \(link): is a symbolic link to a device, a pipe or an open file\nhint: name a file\n")
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == target)
  }

  @Test("a source without tensors gives no output, unless that is allowed (V9)")
  func empty() throws {
    let directory = try TemporaryDirectory()
    let source = try directory.write(RawSafeTensors([]).encoded(), to: "a.safetensors")
    let out = directory.path("b.bin")
    for options in [[], ["--dry-run"]] {
      let run = try peftkit(["convert", source, out] + options)
      #expect(run.exitCode == 2)
      #expect(
        run.errors == """
          error: \(source): contains no tensors
          hint: --allow-empty writes an output without tensors

          """)
      #expect(try directory.names == ["a.safetensors"])
    }
    #expect(try peftkit("convert", source, out, "--allow-empty").exitCode == 0)
    #expect(try directory.names == ["a.safetensors", "b.bin"])
    // A pattern that matches nothing is a typo, whatever is allowed.
    let some = try directory.write(
      RawSafeTensors([.init("x", [1], floats: [1])]).encoded(), to: "c.safetensors")
    let run = try peftkit(
      "convert", some, directory.path("d.bin"), "--include", "y", "--allow-empty")
    #expect(run.errors == "error: \(some): no tensor matches the selection\n")
    #expect(run.exitCode == 2)
  }

  @Test("a file without tensors in a tree is copied under its own name (B30)")
  func emptyInTree() throws {
    let directory = try TemporaryDirectory()
    let tree = directory.path("in")
    try FileManager.default.createDirectory(atPath: tree, withIntermediateDirectories: true)
    let empty = try RawSafeTensors([]).encoded()
    try directory.write(empty, to: "in/a.safetensors")
    try directory.write(
      RawSafeTensors([.init("x", [1], floats: [1])]).encoded(), to: "in/b.safetensors")
    let out = directory.path("out")
    let arguments = ["convert", "--recursive", tree, out, "--to", "torch"]
    let run = try peftkit(arguments)
    #expect(run.exitCode == 0)
    #expect(run.errors == "note: \(tree)/a.safetensors: contains no tensors, and was copied\n")
    #expect(try files(below: out) == ["a.safetensors", "b.bin", "peftkit-manifest.jsonl"])
    #expect(try bytes(of: out + "/a.safetensors") == empty)
    let again = try peftkit(arguments + ["--resume"])
    #expect(again.exitCode == 0 && again.errors.isEmpty)
    #expect(again.output.contains("unchanged  2"))
  }

  @Test("the state of an optimizer is noted, with the pattern for the model (V35)")
  func optimizer() throws {
    let directory = try TemporaryDirectory()
    let tensors = ["model.w", "opt_state.0.exp_avg", "opt_state.0.exp_avg_sq"].map {
      RawSafeTensors.Tensor($0, [1], floats: [1])
    }
    let source = try directory.write(RawSafeTensors(tensors).encoded(), to: "a.safetensors")
    let out = directory.path("b.safetensors")
    let run = try peftkit("convert", source, out)
    #expect(
      run.errors == "note: 2 of 3 tensors are the state of an optimizer, under opt_state: "
        + "--include 'model.*' converts the model alone\n")
    #expect(try peftkit("convert", source, out, "--force", "--include", "model.*").errors.isEmpty)
  }

  @Test("only what is written in the same dtype has second names (V29)")
  func aliases() throws {
    let directory = try TemporaryDirectory()
    // One view under the names whole, again and same.
    let source = Fixtures.projectRoot + "/Fixtures/torch/written/views-legacy-2.15.0.bin"
    for (number, (options, kept)) in [
      (["--include", "again", "--include", "same"], ["again F32"]),
      (
        ["--exclude", "[!aws]*", "--exclude", "s[!a]*", "--dtype", "whole=float16"],
        ["again F32", "whole F16"]
      ),
    ].enumerated() {
      let out = directory.path("\(number).safetensors")
      let run = try peftkit(["convert", source, out, "--drop-aliases"] + options)
      #expect(run.exitCode == 0 && run.errors == "note: same was left out: it is again\n")
      let file = try RawSafeTensors(path: out)
      #expect(file.tensors.map { "\($0.name) \($0.dtype)" }.sorted() == kept)
      #expect(file.metadata == ["format": "pt", "same": "again"])
    }
  }

  @Test("patterns that have nothing to do are told (V32)")
  func unmatchedPatterns() throws {
    let directory = try TemporaryDirectory()
    let out = directory.path("out.safetensors")
    let arguments = ["convert", Self.weights, out]
    let useful = ["--include", "p*", "--exclude", "*cols", "--dtype", "*rows=float16"]
    let run = try peftkit(arguments + useful + ["--rename", "prefix=suffix"])
    #expect(run.exitCode == 0 && run.errors.isEmpty)
    let idle = [
      "--include", "p*", "--include", "q*", "--exclude", "rows", "--dtype", "cols=float16",
      "--rename", "prefix=suffix", "--rename", "prefix=x",
    ]
    for isDryRun in [false, true] {
      let run = try peftkit(arguments + ["--force"] + idle + (isDryRun ? ["--dry-run"] : []))
      #expect(run.exitCode == 0)
      #expect(
        run.errors == """
          note: --include 'q*' matches no tensor
          note: --exclude 'rows' matches no tensor
          note: --dtype 'cols' matches no tensor
          note: --rename 'prefix=…' changes no name

          """)
    }
    let tree = directory.path("tree")
    try FileManager.default.createDirectory(atPath: tree, withIntermediateDirectories: false)
    try FileManager.default.copyItem(
      atPath: Fixtures.adapter("mpt-causal-lm"), toPath: tree + "/adapter")
    let bulk = try peftkit(
      ["convert", tree, directory.path("trees"), "--recursive", "--exclude", "nothing"])
    #expect(bulk.exitCode == 0 && !bulk.errors.contains("note:"))
  }

  @Test("a model may have more shards than a process may have files open, by default (H8)")
  func manyShards() throws {
    let directory = try TemporaryDirectory()
    let model = try model(in: directory, "model", shards: 40)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = [
      "-c", #"ulimit -Sn 20 && exec "$@""#, "sh", Tool.path, "convert", model,
      directory.path("out"),
    ]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    #expect(try contents(of: directory.path("out")).count == contents(of: model).count)
  }

  @Test(
    "options that are wrong are told with the usage of convert (L1)",
    arguments: [["--metadata", "a=b"], ["--reserve", "1"], ["--rename", "a=\\1"]])
  func usage(options: [String]) throws {
    let directory = try TemporaryDirectory()
    let run = try peftkit(["convert", Self.weights, directory.path("x.bin")] + options)
    #expect(run.exitCode == 64)
    #expect(run.errors.contains("Usage: peftkit convert "))
  }

  @Test("a directory that is neither adapter nor model is not called one")
  func emptyDirectory() throws {
    let directory = try TemporaryDirectory()
    let source = directory.path("none")
    try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: false)
    for format in ["safetensors", "npz"] {
      try expectRefusal(
        [source, directory.path("o"), "--to", format],
        "error: \(source): is not an adapter directory: it has no adapter_config.json\n")
    }
  }
}
