// SPDX-License-Identifier: Apache-2.0
import Archives
import Checkpoints
import Files
import Foundation
import JSONDocument
import Tensors
import TestSupport
import Testing

/// An index that is refused.
struct IndexCase: CustomTestStringConvertible, Sendable {
  let what: String
  let json: String
  let code: CheckpointError.Code
  let message: String
  var tensor: TensorName?

  var testDescription: String { what }

  init(
    _ what: String, _ json: String, _ message: String,
    _ code: CheckpointError.Code = .malformed, tensor: TensorName? = nil
  ) {
    self.what = what
    self.json = json
    self.message = message
    self.code = code
    self.tensor = tensor
  }

  /// A shard that is no bare file name; JSON escapes stand as they are.
  static func file(_ name: String) -> IndexCase {
    IndexCase(
      "shard \(name)", "{\"weight_map\": {\"x\": \"\(name)\"}}",
      "is not the plain name of a file next to the index", tensor: "x")
  }
}

@Suite("Indexes of shards")
struct ShardIndexTests {
  @Test("what transformers writes is written again (H1, H6)")
  func roundTrip() throws {
    let path = Vectors.path("llama-safetensors/model.safetensors.index.json")
    let index = try ShardIndex(path: path)
    #expect(try index.encoded() == bytes(of: path))
    #expect(index.fileNames == (1...4).map { "model-0000\($0)-of-00004.safetensors" })
    #expect(index.metadata == ["total_parameters": 4944, "total_size": 19776])
    #expect(index.statedByteCount == 19776)
  }

  @Test("metadata keeps all its keys in their order, and weight_map its own (H2, H3)")
  func order() throws {
    let index = try ShardIndex(
      parsing: Array(
        """
        {"weight_map": {"b": "2", "a": "1", "c": "2"}, "extra": [1],
         "metadata": {"z": {"q": 1e400}, "total_size": 5, "a": null}}
        """.utf8))
    #expect(index.metadata.map { Array($0.keys) } == ["z", "total_size", "a"])
    #expect(index.entries.map(\.name) == ["b", "a", "c"])
    #expect(index.entries.map { index.fileNames[$0.file] } == ["2", "1", "2"])
    for absent in ["", "\"metadata\": null, "] {
      let index = try ShardIndex(parsing: Array("{\(absent)\"weight_map\": {\"a\": \"f\"}}".utf8))
      #expect(index.metadata == nil && index.statedByteCount == nil)
    }
  }

  @Test("names of tensors and shards compare as bytes (H4)")
  func bytewise() throws {
    let index = try ShardIndex(
      parsing: Array(#"{"weight_map": {"é": "é", "e\u0301": "e\u0301", "": "é"}}"#.utf8))
    #expect(
      index.entries.map { Array($0.name.string.utf8) } == [[0xC3, 0xA9], [0x65, 0xCC, 0x81], []])
    #expect(index.entries.map(\.file) == [1, 0, 1])
  }

  @Test(
    "what is refused (H1 to H5)",
    arguments: [
      IndexCase("nothing", "", ""),
      IndexCase("no JSON", "{", ""),
      IndexCase("an array", "[]", "must be a JSON object, not an array"),
      IndexCase("more behind it", "{\"weight_map\": {\"x\": \"a\"}} {}", ""),
      IndexCase("no weight_map", "{\"metadata\": {}}", "has no \"weight_map\"", .missing),
      IndexCase("weight_map null", "{\"weight_map\": null}", "must be an object, not null"),
      IndexCase("weight_map an array", "{\"weight_map\": []}", "must be an object"),
      IndexCase("weight_map empty", "{\"weight_map\": {}}", "is empty"),
      IndexCase(
        "metadata a string", "{\"metadata\": \"\", \"weight_map\": {\"x\": \"a\"}}",
        "\"metadata\" must be an object, not a string"),
      IndexCase(
        "a tensor twice", "{\"weight_map\": {\"x\": \"a\", \"x\": \"a\"}}", ""),
      IndexCase(
        "weight_map twice", "{\"weight_map\": {\"x\": \"a\"}, \"weight_map\": {\"x\": \"a\"}}", ""),
      IndexCase(
        "a shard that is a number", "{\"weight_map\": {\"w\": \"a\", \"x\": 1}}",
        "the shard of a tensor must be a string, not an integer", tensor: "x"),
      IndexCase(
        "a shard that is null", "{\"weight_map\": {\"x\": null}}", "must be a string", tensor: "x"),
      IndexCase("a lone surrogate in a shard", "{\"weight_map\": {\"x\": \"\\ud800\"}}", ""),
      IndexCase("a lone surrogate in a name", "{\"weight_map\": {\"\\ud800\": \"a\"}}", ""),
      IndexCase("NUL in a name", "{\"weight_map\": {\"x\\u0000\": \"a\"}}", ""),
      IndexCase(
        "too deep", "{\"metadata\": " + String(repeating: "[", count: 100_000), ""),
      .file(""), .file("."), .file(".."), .file("/"), .file("../a"), .file("/etc/passwd"),
      .file("sub/a"), .file("a/"), .file("./a"), .file("\\u0000"), .file("a\\u0000.safetensors"),
      .file("..\\\\a"), .file("\\\\\\\\server\\\\share\\\\a"), .file("C:a"), .file("C:\\\\a"),
      .file("é:a"), .file("a\\/b"), .file("/\\u0301"),
    ])
  func refused(_ index: IndexCase) throws {
    let error = #expect(throws: CheckpointError.self) {
      try ShardIndex(parsing: Array(index.json.utf8))
    }
    #expect(error?.code == index.code)
    #expect(error?.message.contains(index.message) == true || index.message.isEmpty)
    #expect(error?.tensor == index.tensor)
    // The same through the file, which the message then names.
    let set = try ShardSet(json: index.json)
    let opened = #expect(throws: CheckpointError.self) { try ShardIndex(path: set.indexPath) }
    #expect(opened?.path == set.indexPath)
    #expect(opened?.message == error?.message)
  }

  @Test("names that look odd and lead nowhere else are fine (H5)")
  func allowed() throws {
    for name in ["...", ".a", "a..b", "-", " ", "ab:c", "a\u{301}", "model.index.json"] {
      let index = try ShardIndex(parsing: Array("{\"weight_map\": {\"x\": \"\(name)\"}}".utf8))
      #expect(index.fileNames == [name])
    }
  }
}

@Suite("Opening indexes")
struct OpeningTests {
  @Test("JSON of another name keeps its message (H7)")
  func otherJSON() throws {
    let set = try ShardSet()
    let path = set.directory.path("weights.json")
    try FileManager.default.copyItem(atPath: set.indexPath, toPath: path)
    let error = #expect(throws: CheckpointError.self) { try Checkpoint.open(path: path) }
    #expect(error?.code == .unrecognized)
    #expect(error?.message == "is a JSON file, not a checkpoint")
    #expect(try ShardedArchive(path: path).names == ["x", "y"])
  }

  @Test("a name does not make an index (H7)")
  func otherContents() throws {
    let directory = try TemporaryDirectory()
    func open(_ bytes: [UInt8]) throws -> any TensorArchive {
      try Checkpoint.open(path: directory.write(bytes, to: "m.index.json"))
    }
    #expect(try open(RawSafeTensors.bytes(["x"]).encoded()).variant.name == "safetensors")
    let pointer = Array("version https://git-lfs.github.com/spec/v1\n".utf8)
    for (bytes, message) in [(pointer, "is a Git LFS pointer"), ([], "is an empty file")] {
      let error = #expect(throws: CheckpointError.self) { try open(bytes) }
      #expect(error?.code == .unrecognized)
      #expect(error?.message.contains(message) == true)
    }
    let array = #expect(throws: CheckpointError.self) { try open(Array("[]".utf8)) }
    #expect(array?.message == "an index must be a JSON object, not an array")
  }

  @Test("a shard is no index, not even its own (H8)")
  func noRecursion() throws {
    let set = try ShardSet(map: [("x", "model.safetensors.index.json")])
    let error = #expect(throws: CheckpointError.self) { try Checkpoint.open(path: set.indexPath) }
    #expect(error?.code == .unrecognized)
    #expect(error?.message == "is a JSON file, not a checkpoint")
  }

  @Test("a shard that is missing is named, and who names it (H8)")
  func missingShard() throws {
    let set = try ShardSet(shards: [("a", .bytes(["x"]))])
    let error = #expect(throws: CheckpointError.self) { try Checkpoint.open(path: set.indexPath) }
    #expect(error?.code == .missing)
    #expect(error?.path == set.indexPath)
    #expect(error?.message == "its shard b is missing")
    #expect(error?.hint == "download the missing files")
  }

  @Test("all missing shards are one error, and an index of another version is recognized (H8)")
  func staleIndex() throws {
    let names = (1...6).map { "model-0000\($0)-of-00006.safetensors" }
    let set = try ShardSet(
      map: names.map { ("x" + $0, $0) }, shards: [(names[0], .bytes(["x" + names[0]]))])
    let error = #expect(throws: CheckpointError.self) { try Checkpoint.open(path: set.indexPath) }
    #expect(error?.code == .missing && error?.path == set.indexPath)
    #expect(
      error?.message == "5 of its 6 shards are missing: "
        + names[1...4].joined(separator: ", ") + " and 1 more")
    #expect(error?.hint == "download the missing files")
    try set.directory.write([], to: "model-00002-of-00002.safetensors")
    let stale = #expect(throws: CheckpointError.self) { try Checkpoint.open(path: set.indexPath) }
    #expect(
      stale?.hint == "the directory has model-00002-of-00002.safetensors, which the index does not "
        + "name: the index is of another version of the checkpoint; download it again")
  }

  @Test("a stale index gives way to the shards that are there, if they are complete (H34)")
  func replacedIndex() throws {
    func open(_ map: [(String, String)], _ shards: [String: [String]]) throws -> ShardedArchive {
      let set = try ShardSet(map: map, shards: shards.map { ($0.key, .bytes($0.value)) })
      return try ShardedArchive(InputFile(path: set.indexPath), replacesStaleIndex: true)
    }
    let gone = [
      ("x", "model-00001-of-00004.safetensors"), ("y", "model-00003-of-00004.safetensors"),
    ]
    let (one, two) = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    let archive = try open(gone, [one: ["y"], two: ["x", "z"]])
    #expect(archive.names == ["y", "x", "z"])
    #expect(archive.index.fileNames == [one, two])
    #expect(archive.index.entries.map(\.file) == [0, 1, 1])
    #expect(archive.shardNotes.first == .stale(missing: gone.map(\.1)))
    // A shard of the other division, too few of them, or too few tensors: nothing is certain.
    for shards in [
      [one: ["x", "y"]], [one: ["x"], two: ["z"]],
      [one: ["x"], two: ["y"], "model-00001-of-00003.safetensors": ["z"]],
      [one: ["x"], two: ["y"], gone[0].1: ["x"]],
    ] {
      let error = #expect(throws: CheckpointError.self) { try open(gone, shards) }
      #expect(error?.code == .missing, "\(shards)")
    }
  }

  @Test("a damaged shard is named (H8)")
  func damagedShard() throws {
    let set = try ShardSet(
      map: [("x", "a"), ("y", "b.safetensors")], shards: [("a", .bytes(["x"]))])
    let bytes = try RawSafeTensors.bytes(["y"]).encoded()
    try set.directory.write(bytes.dropLast(), to: "b.safetensors")
    let error = #expect(throws: CheckpointError.self) { try Checkpoint.open(path: set.indexPath) }
    #expect(error?.code == .truncated || error?.code == .malformed)
    #expect(error?.path == set.directory.path("b.safetensors"))
    try FileManager.default.removeItem(atPath: set.directory.path("a"))
    try FileManager.default.createDirectory(
      atPath: set.directory.path("a"), withIntermediateDirectories: false)
    let other = #expect(throws: CheckpointError.self) { try Checkpoint.open(path: set.indexPath) }
    #expect(other?.code == .invalidArgument)
    #expect(other?.path == set.directory.path("a"))
  }

  @Test("a tensor that is not where the index says is named (H10)")
  func misplaced() throws {
    let cases: [(map: [(String, String)], code: CheckpointError.Code, message: String)] = [
      (
        [("x", "a"), ("y", "a"), ("z", "b")], .missing,
        "is not in a, where the index places it"
      ),
      ([("x", "a"), ("z", "a"), ("y", "b")], .mismatch, "is in b, but the index says a"),
      ([("z", "a"), ("y", "a"), ("x", "b")], .mismatch, "is in b, but the index says a"),
    ]
    for (map, code, message) in cases {
      let set = try ShardSet(map: map, shards: [("a", .bytes(["x"])), ("b", .bytes(["z"]))])
      let error = #expect(throws: CheckpointError.self) { try ShardedArchive(path: set.indexPath) }
      #expect(error?.code == code)
      #expect(error?.message == message)
      #expect(error?.path == set.indexPath)
      #expect(error?.tensor != nil)
    }
  }

  @Test("a tensor in two shards is refused, listed or not (H10)", arguments: ["x", "more"])
  func twice(name: String) throws {
    let set = try ShardSet(
      shards: [("a", .bytes(["x", "more"])), ("b", .bytes(["y", name]))])
    let error = #expect(throws: CheckpointError.self) { try ShardedArchive(path: set.indexPath) }
    #expect(error?.code == .mismatch)
    #expect(error?.message == "is in two shards, a and b")
    #expect(error?.tensor == TensorName(name))
  }

  @Test("shards of two formats are refused (H13)")
  func twoFormats() throws {
    let set = try ShardSet(
      map: [("x", "a"), ("lm_head.weight", "b")], shards: [("a", .bytes(["x"]))])
    try FileManager.default.copyItem(
      atPath: Vectors.path("gpt2-torch/pytorch_model-00001-of-00002.bin"),
      toPath: set.directory.path("b"))
    let error = #expect(throws: CheckpointError.self) { try ShardedArchive(path: set.indexPath) }
    #expect(error?.code == .mismatch)
    #expect(error?.message == "is a shard in the format torch-zip, and a is safetensors")
    #expect(error?.path == set.directory.path("b"))
  }

  @Test("an index that was cut short or changed never traps (H1)")
  func mutations() throws {
    let seed = UInt64.random(in: .min ... .max)
    print("seed of the changed indexes: \(seed)")
    var generator = SeededGenerator(seed: seed)
    let whole = try bytes(of: Vectors.path("gpt2-torch/pytorch_model.bin.index.json"))
    var refusedCount = 0
    for end in stride(from: 0, to: whole.count - 1, by: 13) {
      if (try? ShardIndex(parsing: Array(whole[..<end]))) == nil { refusedCount += 1 }
    }
    #expect(refusedCount == (whole.count - 2) / 13 + 1)
    let set = try ShardSet()
    for _ in 0..<300 {
      var changed = whole
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: 0..<changed.count, using: &generator)
        changed[place] = Array("\"\\{}[],:/.0a\0\u{7F}é".utf8).randomElement(using: &generator) ?? 0
      }
      let path = try set.directory.write(changed, to: "changed.index.json")
      // The shards are not there: nothing can open, and an error it must be.
      #expect(throws: CheckpointError.self) { try Checkpoint.open(path: path) }
    }
  }
}
