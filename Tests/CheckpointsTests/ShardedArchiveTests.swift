// SPDX-License-Identifier: Apache-2.0
import Archives
import Checkpoints
import Files
import Foundation
import Tensors
import TestSupport
import Testing

@Suite("Shards as one archive")
struct ShardedArchiveTests {
  /// What torch 2.13 writes for tensors that begin at these offsets.
  private static func distributed(_ offsets: [String: [Int]]) -> [String: String] {
    let members = offsets.map { "\"\($0)\": {\"saved_offsets\": \($1)}" }.joined(separator: ", ")
    return ["DCP_SHARDING_INFO": "{\(members)}", "DCP_VERSION": "1.0", "format": "pt"]
  }

  @Test("a file of slices is no shard of an index (H8)")
  func slices() throws {
    let sliced = RawSafeTensors.bytes(["y"], metadata: Self.distributed(["y": [3]]))
    let set = try ShardSet(shards: [("a", .bytes(["x"])), ("b", sliced)])
    let error = #expect(throws: CheckpointError.self) { try Checkpoint.open(path: set.indexPath) }
    #expect(error?.code == .unsupported)
    #expect(error?.path == set.directory.path("b"))
    #expect(
      error?.message
        == "is a shard of torch.distributed.checkpoint: 1 tensor is a slice of a larger "
        + "one, y from [3] on")
    // What one process saved is whole, and says so by offsets of 0.
    let whole = RawSafeTensors.bytes(["y"], metadata: Self.distributed(["y": [0]]))
    let other = try ShardSet(shards: [("a", .bytes(["x"])), ("b", whole)])
    #expect(try Checkpoint.open(path: other.indexPath).tensorCount == 2)
  }

  @Test("the sets of the real libraries (H8, H12, H13)", arguments: ShardVector.directories)
  func realSets(directory: String) throws {
    let vector = try ShardVector(directory)
    let path = Vectors.path(directory) + "/" + vector.index
    let archive = try #require(try Checkpoint.open(path: path) as? ShardedArchive)
    #expect(archive.path == path)
    #expect(archive.variant.name == (directory == "gpt2-torch" ? "torch-zip" : "safetensors"))
    #expect(archive.metadata == (directory == "gpt2-torch" ? nil : ["format": "pt"]))
    #expect(archive.shardNotes == [])
    #expect(archive.skipped == [])
    #expect(archive.names == vector.tensors.map(\.name))
    for (place, expected) in vector.tensors.enumerated() {
      let info = archive.tensor(at: place)
      #expect(info.dtype.name == expected.dtype && info.shape == Shape(expected.shape))
      #expect(archive.location(of: place).path.hasSuffix("/" + expected.file))
      #expect(
        archive.location(of: place).path == Vectors.path(directory) + "/" + expected.file)
      #expect(archive.index(of: TensorName(expected.name)) == place)
      #expect(archive.alias(of: place).map { archive.names[$0] } == expected.alias)
      #expect(try archive.data(at: place) == [UInt8](expected.data), "\(expected.name)")
    }
    #expect(archive.index(of: "nothing") == nil)
  }

  @Test("tensors are copied out of their shards", arguments: ShardVector.directories)
  func copying(directory: String) throws {
    let vector = try ShardVector(directory)
    let archive = try Checkpoint.open(path: Vectors.path(directory) + "/" + vector.index)
    let output = try TemporaryDirectory()
    for (place, expected) in vector.tensors.enumerated() {
      var file = try AtomicFile(
        path: output.path("\(place)"),
        policy: OutputPolicy(replacesExisting: false, synchronizes: false))
      try archive.copyTensor(at: place, to: &file)
      try file.commit()
      #expect(try bytes(of: output.path("\(place)")) == [UInt8](expected.data))
    }
  }

  @Test("shards come in the order of their bytes, tensors in that of the files (H12)")
  func order() throws {
    let set = try ShardSet(
      map: [("1", "é"), ("2", "e\u{301}"), ("3", "Z"), ("4", "b-10"), ("5", "b-2"), ("0", "Z")],
      shards: [
        ("é", .bytes(["1"])), ("e\u{301}", .bytes(["2"])), ("Z", .bytes(["3", "0"])),
        ("b-10", .bytes(["4"])), ("b-2", .bytes(["5"])),
      ])
    let archive = try ShardedArchive(path: set.indexPath)
    #expect(
      archive.index.fileNames.map { Array($0.utf8) }
        == ["Z", "b-10", "b-2", "e\u{301}", "é"]
        .map { Array($0.utf8) })
    #expect(archive.names == ["3", "0", "4", "5", "2", "1"])
  }

  @Test("an index without a directory in its path, and one that is a link (H9)")
  func places() throws {
    let set = try ShardSet()
    // Hub caches are made of links: the index and its shards are stored apart, under other names.
    let snapshot = try TemporaryDirectory()
    for (link, target) in [
      ("a", "a"), ("b", "b"), ("x.index.json", "model.safetensors.index.json"),
    ] {
      try FileManager.default.createSymbolicLink(
        atPath: snapshot.path(link), withDestinationPath: set.directory.path(target))
    }
    try FileManager.default.createDirectory(
      atPath: snapshot.path("elsewhere"), withIntermediateDirectories: false)
    let archive = try Checkpoint.open(path: snapshot.path("elsewhere/../x.index.json"))
    #expect(archive.names == ["x", "y"])
    #expect(archive.location(of: 1).path == snapshot.path("elsewhere/../b"))
  }

  @Test("tensors that the index does not list are loaded, and noted (H11)")
  func unlisted() throws {
    let set = try ShardSet(shards: [("a", .bytes(["x", "more"])), ("b", .bytes(["y"]))])
    let archive = try ShardedArchive(path: set.indexPath)
    #expect(archive.names == ["x", "more", "y"])
    #expect(archive.shardNotes == [.unlisted("more", file: "a")])
    #expect(
      archive.notes == ["the index does not list \"more\", which is in a"])
  }

  @Test("items that are no tensors here are skipped, shard after shard (H10, H16)")
  func skippedItems() throws {
    let set = try self.set([("x", "x-epoch-z"), ("z", "x-epoch-z"), ("y", "y-step")])
    let archive = try ShardedArchive(path: set.indexPath)
    #expect(archive.names == ["x", "y"])
    #expect(archive.skipped.map(\.name) == ["epoch", "z", "step"])
    #expect(archive.skipped.map(\.isTensor) == [false, true, false])
    #expect(archive.shardNotes == [])
  }

  @Test(
    "an item has one place, as a tensor has (H10)",
    arguments: [
      (["x": "x-epoch-z", "y": "y-epoch"], "is in two shards, x-epoch-z.bin and y-epoch.bin"),
      (["x": "x-epoch-z", "epoch": "epoch"], "is in two shards, epoch.bin and x-epoch-z.bin"),
      (["y": "y-epoch", "epoch": "z-epoch"], "is in two shards, y-epoch.bin and z-epoch.bin"),
      (["step": "x-epoch-z", "y": "y-step"], "is in y-step.bin, but the index says x-epoch-z.bin"),
    ])
  func misplacedItems(map: [String: String], message: String) throws {
    let set = try self.set(map.map { ($0, $1) })
    let error = #expect(throws: CheckpointError.self) { try ShardedArchive(path: set.indexPath) }
    #expect(error?.message == message)
    #expect(error?.tensor.map { ["epoch", "x", "step"].contains($0.string) } == true)
  }

  /// A set of these shards of `skipped-items`.
  private func set(_ map: [(String, String)]) throws -> ShardSet {
    let set = try ShardSet(map: map.map { ($0, $1 + ".bin") }, shards: [])
    for name in Set(map.map(\.1)) {
      try FileManager.default.copyItem(
        atPath: Vectors.path("skipped-items/\(name).bin"),
        toPath: set.directory.path(name + ".bin"))
    }
    return set
  }

  @Test("metadata is what all shards say (H14)")
  func metadata() throws {
    func open(_ a: [String: String]?, _ b: [String: String]?) throws -> ShardedArchive {
      let set = try ShardSet(
        shards: [("a", .bytes(["x"], metadata: a)), ("b", .bytes(["y"], metadata: b))])
      return try ShardedArchive(path: set.indexPath)
    }
    let same = try open(["k": "v", "l": "w"], ["l": "w", "k": "v"])
    #expect(same.metadata == ["k": "v", "l": "w"])
    #expect(same.shardNotes == [])
    let different = try open(["k": "v", "l": "w"], ["k": "v", "l": "W", "m": ""])
    #expect(different.metadata == ["k": "v"])
    #expect(different.shardNotes == [.metadataDiffers])
    let bytewise = try open(["k": "é"], ["k": "e\u{301}"])
    #expect(bytewise.metadata == [:])
    #expect(bytewise.shardNotes == [.metadataDiffers])
    let more = try open(["k": "v"], ["k": "v", "m": ""])
    #expect(more.shardNotes == [.metadataDiffers])
    let half = try open(["k": "v"], nil)
    #expect(half.metadata == nil)
    #expect(half.shardNotes == [.metadataDiffers])
    let none = try open(nil, nil)
    #expect(none.metadata == nil)
    #expect(none.shardNotes == [])
  }

  @Test(
    "total_size is compared, and not believed (H15)",
    arguments: [
      ("2", 2, true), ("2.0", 2, true), ("3", 3, false), ("-1", -1, false), ("2.5", nil, true),
      ("1e300", nil, true), ("NaN", nil, true), ("\"2\"", nil, true),
      ("99999999999999999999", nil, true),
    ] as [(String, Int?, Bool)])
  func totalSize(json: String, stated: Int?, agrees: Bool) throws {
    let set = try ShardSet(
      json: "{\"metadata\": {\"total_size\": \(json)}, \"weight_map\": {\"x\": \"a\"}}",
      shards: [("a", RawSafeTensors([.init("x", "U8", [2], [0, 0])]))])
    let archive = try ShardedArchive(path: set.indexPath)
    #expect(archive.index.statedByteCount == stated)
    #expect(archive.shardNotes == (agrees ? [] : [.byteCount(stated: stated ?? 0, found: 2)]))
  }
}
