// SPDX-License-Identifier: Apache-2.0
import Archives
import Conversion
import Files
import Foundation
import SafeTensors
import Tensors
import TestSupport
import Testing
import TorchCheckpoint

@Suite("Finding what is to be converted")
struct FinderTests {
  let tree: BulkTree

  init() throws { tree = try BulkTree() }

  /// What is found, a line for each: `kind source > destination`, `! source` for a conflict and
  /// `? path` for a directory that cannot be listed.
  private func found(
    target: any CheckpointFormat = .safetensors, shard: WorkPartition? = nil
  ) throws -> [String] {
    var finder = try CheckpointFinder(in: tree.source, target: target, shard: shard)
    var lines: [String] = []
    while let item = finder.next() {
      switch item {
      case .unit(let unit):
        lines.append("\(unit.kind.rawValue) \(unit.source.string) > \(unit.destination.string)")
      case .conflict(let unit, let error):
        lines.append("! \(unit.source.string): \(error.message)")
      case .unreadable(let path, _): lines.append("? \(path.string)")
      }
    }
    return lines
  }

  @Test("files by their names, a directory before those in it, in the order of bytes (B1, B2, B4)")
  func files() throws {
    for name in [
      "z.bin", "a/y.PT", "a/b/x.ckpt", "a.safetensors", "é.pth", "e\u{301}.pth", "Z/w.safetensors",
      "a/.bin", "two.dots.bin", "no", "x.txt", "config.json", "bin", "a/index.json",
    ] {
      try tree.write(name, [1])
    }
    #expect(
      try found().map { Array($0.utf8) }
        == [
          "file a.safetensors > a.safetensors", "file e\u{301}.pth > e\u{301}.safetensors",
          "file two.dots.bin > two.dots.safetensors", "file z.bin > z.safetensors",
          "file é.pth > é.safetensors", "file Z/w.safetensors > Z/w.safetensors",
          "file a/.bin > a/.bin.safetensors", "file a/y.PT > a/y.safetensors",
          "file a/b/x.ckpt > a/b/x.safetensors",
        ].map { Array($0.utf8) })
    #expect(try found(target: .torch).first == "file a.safetensors > a.bin")
  }

  @Test("a checkpoint of several processes is one unit, and the files next to it are others (B2)")
  func distributed() throws {
    for name in [
      "run/.metadata", "run/__0_0.distcp", "run/__1_0.distcp", "run/extra.pt", "run/more/x.bin",
      "slices/shard-00001-model-00001-of-00001.safetensors", "alone/__0_0.distcp",
      "zero/latest", "zero/step/zero_pp_rank_0_mp_rank_00_optim_states.pt",
      "zero/step/mp_rank_00_model_states.pt", "rival/.metadata", "rival/__0_0.distcp",
      "rival/model.pt",
    ] {
      try tree.write(name, [1])
    }
    let lines = try found()
    #expect(
      lines.filter { !$0.hasPrefix("!") } == [
        "distributed run > run/model.safetensors", "file run/extra.pt > run/extra.safetensors",
        "file run/more/x.bin > run/more/x.safetensors",
        "distributed slices > slices/model.safetensors",
        "distributed zero/step > zero/step/model.safetensors",
      ])
    #expect(lines.contains { $0.hasPrefix("! rival: conflicts with model.pt") })
    #expect(lines.contains { $0.hasPrefix("! rival/model.pt: conflicts with .metadata") })
  }

  @Test("adapters and models are units as a whole (B2, B3)")
  func directories() throws {
    for name in [
      "run/adapter_config.json", "run/adapter_model.bin", "run/checkpoint-1/adapter_config.json",
      "run/checkpoint-1/adapter_model.bin", "run/optimizer.pt",
      "config-only/adapter_config.json", "config-only/x.bin",
      "weights-only/adapter_model.bin",
      "model/model.safetensors.index.json", "model/model-00001-of-00001.safetensors",
      "model/original/x.pth", "torch/pytorch_model.bin.index.json",
      "both/adapter_config.json", "both/adapter_model.safetensors",
      "both/model.safetensors.index.json", "whole/config.json", "whole/model.safetensors",
      "whole/checkpoint-1/optimizer.pt", "whole-torch/config.json", "whole-torch/pytorch_model.bin",
      "no-config/model.safetensors", "other-weights/config.json", "other-weights/unet.safetensors",
    ] {
      try tree.write(name, [1])
    }
    #expect(
      try found() == [
        "adapter both > both",
        "copy config-only/adapter_config.json > config-only/adapter_config.json",
        "file config-only/x.bin > config-only/x.safetensors",
        "model model > model", "file no-config/model.safetensors > no-config/model.safetensors",
        "file other-weights/unet.safetensors > other-weights/unet.safetensors", "adapter run > run",
        "model torch > torch",
        "file weights-only/adapter_model.bin > weights-only/adapter_model.safetensors",
        "model whole > whole", "model whole-torch > whole-torch",
      ])
  }

  @Test("files next to the config of another tool's adapter are copied, manifests are not (B2)")
  func foreignAdapters() throws {
    for name in [
      "mlx/adapter_config.json", "mlx/adapters.safetensors", "mlx/0000100_adapters.safetensors",
      "mlx/train.jsonl", "mlx/sub/notes.txt", "mlx/sub/x.bin", "heads/head_config.json",
      "heads/pytorch_model_head.bin", "heads/adapters.npz", "plain/README.md",
      "adapter_config.json",
      "peftkit-manifest-1-of-2.jsonl",
    ] {
      try tree.write(name, [1])
    }
    symlink("train.jsonl", tree.source + "/mlx/link")
    symlink("sub", tree.source + "/mlx/tree")
    #expect(
      try found(target: .torch) == [
        "copy adapter_config.json > adapter_config.json",
        "copy heads/adapters.npz > heads/adapters.npz",
        "copy heads/head_config.json > heads/head_config.json",
        "file heads/pytorch_model_head.bin > heads/pytorch_model_head.bin",
        "file mlx/0000100_adapters.safetensors > mlx/0000100_adapters.bin",
        "copy mlx/adapter_config.json > mlx/adapter_config.json",
        "file mlx/adapters.safetensors > mlx/adapters.bin", "copy mlx/link > mlx/link",
        "copy mlx/train.jsonl > mlx/train.jsonl", "file mlx/sub/x.bin > mlx/sub/x.bin",
      ])
  }

  @Test("AppleDouble files are passed over, other files of such names are not (B6)")
  func appleDouble() throws {
    try tree.write("._a.safetensors", [0, 5, 0x16, 7, 0, 2, 0, 0])
    try tree.write("._b.safetensors", [0, 5, 0x16, 8])
    try tree.write("c.safetensors", [0, 5, 0x16, 7])
    #expect(
      try found() == [
        "file ._b.safetensors > ._b.safetensors", "file c.safetensors > c.safetensors",
      ])
  }

  @Test("two that would get one name both fail, and name each other (B5)")
  func conflicts() throws {
    for name in ["a/x.bin", "a/x.pt", "a/y.ckpt", "a/y.safetensors", "a/y.pth", "a/z.bin", "x.bin"]
    {
      try tree.write(name, [1])
    }
    try tree.write("a/z.safetensors/inner.bin", [1])
    #expect(
      try found() == [
        "file x.bin > x.safetensors",
        "! a/x.bin: conflicts with x.pt: both would become x.safetensors",
        "! a/x.pt: conflicts with x.bin: both would become x.safetensors",
        "! a/y.ckpt: conflicts with y.pth: both would become y.safetensors",
        "! a/y.pth: conflicts with y.ckpt: both would become y.safetensors",
        "! a/y.safetensors: conflicts with y.pth: both would become y.safetensors",
        "! a/z.bin: conflicts with z.safetensors: both would become z.safetensors",
        "file a/z.safetensors/inner.bin > a/z.safetensors/inner.safetensors",
      ])
    let whole = try found()
    var parts: [String] = []
    for number in 1...3 { parts += try found(shard: WorkPartition(number, of: 3)) }
    #expect(parts.sorted() == whole.sorted())
  }

  @Test("links to files are followed, links to directories are not (B1, B6)")
  func links() throws {
    try tree.write("blobs/1", [1])
    try tree.write("blobs/2", [1])
    try tree.makeDirectory("hub")
    try tree.makeDirectory("elsewhere.bin")
    symlink("../blobs/1", tree.source + "/hub/adapter_config.json")
    symlink("../blobs/2", tree.source + "/hub/adapter_model.safetensors")
    symlink("blobs/1", tree.source + "/link.bin")
    symlink("hub", tree.source + "/to-directory")
    symlink("hub", tree.source + "/directory.pt")
    symlink(".", tree.source + "/loop")
    symlink("nowhere", tree.source + "/dangling.bin")
    mkfifo(tree.source + "/pipe.bin", 0o600)
    #expect(
      try found() == [
        "file dangling.bin > dangling.safetensors", "file link.bin > link.safetensors",
        "file pipe.bin > pipe.safetensors", "adapter hub > hub",
      ])
    let link = tree.directory.path("link")
    symlink("in", link)
    var finder = try CheckpointFinder(in: link, target: .safetensors)
    #expect(finder.next() != nil)
  }

  @Test("what is being written is passed over (B6)")
  func temporaries() throws {
    try tree.write(".x.bin.host.1.1.peftkit-tmp/x.bin", [1])
    try tree.write(".y.bin.host.1.1.peftkit-tmp", [1])
    try tree.write("x.bin", [1])
    #expect(try found() == ["file x.bin > x.safetensors"])
  }

  @Test("a directory that cannot be listed does not end the walk (B7)")
  func unreadable() throws {
    try tree.write("z/x.bin", [1])
    try tree.makeDirectory("a/" + Array(repeating: "d", count: 260).joined(separator: "/"))
    let deepest = "a/" + Array(repeating: "d", count: 256).joined(separator: "/")
    #expect(try found() == ["? \(deepest)", "file z/x.bin > z/x.safetensors"])
  }

  @Test("an adapter is no tree of adapters (B8)")
  func root() throws {
    try tree.write("adapter_config.json", [1])
    try tree.write("adapter_model.bin", [1])
    let error = failure { () throws(CheckpointError) in
      _ = try CheckpointFinder(in: tree.source, target: .safetensors)
    }
    #expect(error?.code == .invalidArgument)
    #expect(error?.remedy == .convertAlone)
    let missing = failure { () throws(CheckpointError) in
      _ = try CheckpointFinder(in: tree.directory.path("no"), target: .safetensors)
    }
    #expect(missing?.code == .missing)
  }

  @Test("shards share the work: all of it, nothing twice (B20)", arguments: [1, 2, 3, 7])
  func shards(count: Int) throws {
    for index in 0..<60 { try tree.write("\(index % 7)/\(index).bin", [1]) }
    try tree.addAdapter("adapter")
    var parts: [String] = []
    for number in 1...count {
      let part = try found(shard: WorkPartition(number, of: count))
      #expect(!part.isEmpty)
      parts += part
    }
    #expect(parts.count == 61)
    #expect(Set(parts).count == 61)
  }

  @Test("what another machine does not see moves nothing (B20)")
  func shardsOfChangingTrees() throws {
    for index in 0..<40 { try tree.write("\(index).bin", [1]) }
    let before = try found(shard: WorkPartition(2, of: 3))
    for index in 40..<80 { try tree.write("\(index).bin", [1]) }
    let after = try found(shard: WorkPartition(2, of: 3))
    #expect(after.count > before.count)
    #expect(Set(before).isSubset(of: after))
  }
}

@Suite("Shards")
struct WorkPartitionTests {
  @Test(
    "I/N is read, from 1 (B20)",
    arguments: [
      ("1/1", true), ("3/3", true), ("12/400", true), ("0/3", false), ("4/3", false),
      ("1/0", false), ("", false), ("1", false), ("1/2/3", false), ("-1/3", false),
      ("+1/3", false), ("a/b", false), ("1/", false), ("/3", false), (" 1/3", false),
      ("99999999999999999999/3", false),
    ])
  func parsing(text: String, isValid: Bool) throws {
    let error = failure { () throws(CheckpointError) in
      let shard = try WorkPartition(parsing: text)
      #expect(shard.description == text)
    }
    #expect((error == nil) == isValid)
    if text == "0/3" { #expect(error?.hint?.contains("SLURM_ARRAY_TASK_ID + 1") == true) }
  }

  // Of the table by the hash's authors (draft-eastlake-fnv), modulo 1000.
  @Test(
    "the hash is FNV-1a (B20)",
    arguments: [
      ("a", 0xAF63_DC4C_8601_EC8C), ("b", 0xAF63_DF4C_8601_F1A5),
      ("foobar", 0x8594_4171_F739_67E8),
    ] as [(String, UInt64)])
  func hash(text: String, hash: UInt64) throws {
    let number = Int(hash % 1000) + 1
    #expect(try WorkPartition(number, of: 1000).contains(RelativePath(text)))
    #expect(try !WorkPartition(number % 1000 + 1, of: 1000).contains(RelativePath(text)))
  }
}
