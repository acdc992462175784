// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import Foundation
import SafeTensors
import Tensors
import TestSupport
import Testing

@testable import DistributedCheckpoint

@Suite("Checkpoints of torch.distributed.checkpoint (Q2 to Q11)")
struct StateDictTests {
  @Test(
    "what torch saved is what torch puts together",
    arguments: ["state-dict", "state-dict-threads"])
  func real(name: String) throws {
    let path = Fixtures.path("distributed/" + name)
    let archive = try #require(try DistributedDirectory.open(existing: path))
    #expect(archive.path == path)
    #expect(archive.variant == .torchDistributed)
    #expect(archive.skipped.map { "\($0.name): \($0.type)" } == ["tuple.1: str", "step: int"])
    try expectSame(
      archive, SafeTensorsFile(path: Fixtures.path("distributed/state-dict.safetensors")))
    let file = try InputFile(path: path + "/.metadata")
    let same = try #require(try DistributedDirectory.open(file))
    #expect(same.tensors == archive.tensors)
  }

  @Test(
    "places that lead elsewhere are refused (Q4)",
    arguments: ["../_0.distcp", "a/1_0.distcp", "C:1_0.distcp", "a\\1_0.distcp"])
  func paths(name: String) throws {
    let copy = try CheckpointCopy("state-dict")
    try copy.replace("__1_0.distcp", with: name)
    let error = failure { () throws(CheckpointError) in _ = try copy.open() }
    #expect(error?.code == .malformed)
    #expect(error?.path == copy.directory.path(".metadata"))
    #expect(error?.message.contains("not the plain name") == true)
  }

  @Test("files that are missing or cut short are named")
  func incomplete() throws {
    let copy = try CheckpointCopy("state-dict")
    let bytes = try bytes(of: copy.directory.path("__1_0.distcp"))
    try copy.directory.write(Array(bytes.dropLast()), to: "__1_0.distcp")
    let short = failure { () throws(CheckpointError) in _ = try copy.open() }
    #expect(short?.code == .truncated)
    #expect(short?.path == copy.directory.path("__1_0.distcp"))
    #expect(short?.offset == bytes.count - 1)
    #expect(short?.tensor != nil)
    try copy.remove("__1_0.distcp")
    let missing = failure { () throws(CheckpointError) in _ = try copy.open() }
    #expect(missing?.code == .missing)
    #expect(missing?.message.contains("__1_0.distcp") == true)
    try FileManager.default.createDirectory(
      atPath: copy.directory.path("__1_0.distcp"), withIntermediateDirectories: false)
    let directory = failure { () throws(CheckpointError) in _ = try copy.open() }
    #expect(directory?.message.contains("__1_0.distcp (a directory)") == true)
  }

  @Test("a damaged shard is found when it is read, with file, tensor and byte")
  func damaged() throws {
    let copy = try CheckpointCopy("state-dict")
    let file = "__1_0.distcp"
    // The padding before the first data is followed by the data.
    var bytes = try bytes(of: copy.directory.path(file))
    let header = try #require(bytes.firstRange(of: Array("archive/data/0".utf8)))
    let place = try #require(bytes[header.upperBound...].firstRange(of: Array("PK\u{7}\u{8}".utf8)))
    bytes[place.lowerBound - 1] ^= 1
    try copy.directory.write(bytes, to: file)
    let archive = try #require(try copy.open())
    let errors = archive.tensors.compactMap { info in
      failure { () throws(CheckpointError) in
        try archive.readTensor(at: archive.index(of: info.name) ?? 0) { _ in }
      }
    }
    #expect(errors.count == 1)
    #expect(errors[0].code == .malformed)
    #expect(errors[0].path == copy.directory.path(file))
    #expect(errors[0].tensor?.string.hasPrefix("model.") == true)
    #expect(errors[0].offset.map { bytes.indices.contains($0) } == true)
  }

  @Test("metadata that contradict themselves are refused")
  func contradictions() throws {
    // The first shard of model.rows begins at its first element, and has 3 rows.
    let opcodes = try CheckpointCopy("state-dict")
    try opcodes.replace(
      Array("K\u{3}K\u{6}".utf8), with: Array("K\u{2}K\u{6}".utf8), in: ".metadata",
      after: Array("chunks".utf8))
    let hole = failure { () throws(CheckpointError) in _ = try opcodes.open() }
    #expect(hole?.code == .malformed)
    #expect(hole?.tensor == "model.rows")
    #expect(hole?.message.contains("no shard has the elements [2..<3, 0..<6]") == true)
    let dtype = try CheckpointCopy("state-dict")
    try dtype.replace("float32", with: "float64")
    let size = failure { () throws(CheckpointError) in
      let archive = try dtype.open()
      try archive?.readTensor(at: 0) { _ in }
    }
    #expect(size?.code == .mismatch)
    #expect(size?.tensor == "model.rows")
    let name = try CheckpointCopy("state-dict")
    try name.replace("storage_data", with: "storage_dada")
    #expect(failure { () throws(CheckpointError) in _ = try name.open() }?.code == .malformed)
  }

  @Test("other files of the name are no metadata, and a directory without any is none")
  func others() throws {
    let copy = try CheckpointCopy("state-dict")
    for rank in 0..<4 { try copy.remove("__\(rank)_0.distcp") }
    try copy.directory.write(Array("[metadata]\n".utf8), to: ".metadata")
    #expect(try copy.open() == nil)
    let file = try InputFile(path: copy.directory.path(".metadata"))
    let error = failure { () throws(CheckpointError) in _ = try DistributedDirectory.open(file) }
    #expect(error?.code == .unrecognized)
    try copy.remove(".metadata")
    #expect(try copy.open() == nil)
    #expect(DistributedDirectory.refusal(of: "a/__0_0.distcp")?.code == .unsupported)
    #expect(DistributedDirectory.refusal(of: "a.distcp/model.bin") == nil)
    #expect(DistributedDirectory.refusal(of: "a/own.distcp") == nil)
    try copy.directory.write([0x80, 2, 0x4E, 0x2E], to: "__0.metadata")
    let own = failure { () throws(CheckpointError) in _ = try copy.open() }
    #expect(own?.code == .unsupported)
  }

  @Test("a NumPy array has the name of its key, as a tensor does (Q8)")
  func arrays() throws {
    let archive = try #require(try Self.open("numpy"))
    #expect(archive.tensors.map(\.name) == ["a", "x"])
    #expect(try archive.bytes(of: "x").count == 32)
    #expect(archive.codeRequest == nil)
  }

  @Test("values that cannot be read are errors, with their names (Q8)")
  func values() throws {
    let absent = failure { () throws(CheckpointError) in _ = try Self.open("no-place") }
    #expect(absent?.code == .malformed)
    #expect(absent?.tensor == "n")
    let damaged = failure { () throws(CheckpointError) in _ = try Self.open("damaged-value") }
    #expect(damaged?.tensor == "n")
    #expect(damaged?.path?.hasSuffix("__0_0.distcp") == true)
    let overlap = failure { () throws(CheckpointError) in _ = try Self.open("overlap") }
    #expect(overlap?.code == .malformed)
  }

  @Test("what is compressed is listed and not read (Q6)")
  func compressed() throws {
    let archive = try #require(try Self.open("compressed"))
    #expect(
      archive.skipped.map { "\($0.name): \($0.type)" } == [
        "a: F32 tensor under stream.zstd/1", "n: value under stream.zstd/1",
      ])
  }

  @Test(
    "metadata that ask for code are read, and say so", arguments: ["metadata", "launcher", "value"])
  func code(name: String) throws {
    let archive = try #require(try Self.open(name))
    #expect(try archive.bytes(of: "a").count == 12)
    #expect(archive.codeRequest != nil)
    #expect(archive.notes.contains { $0.contains("without running") })
  }

  @Test(
    "metadata next to shards are never taken for another program's",
    arguments: ["empty-metadata", "protocol-0"])
  func damagedMetadata(name: String) throws {
    let error = failure { () throws(CheckpointError) in _ = try Self.open(name) }
    #expect(error?.code == (name == "protocol-0" ? .unrecognized : .truncated))
    #expect(error?.path?.hasSuffix(".metadata") == true)
  }

  /// Opens one of the small checkpoints that are hostile or odd.
  private static func open(_ name: String) throws(CheckpointError) -> AssembledArchive? {
    try DistributedDirectory.open(existing: Fixtures.path("distributed/hostile/" + name))
  }

  @Test("every mutation of the metadata is read or refused", arguments: 0..<200 as Range<UInt64>)
  func mutations(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let copy = try CheckpointCopy("state-dict")
    var bytes = try bytes(of: copy.directory.path(".metadata"))
    for _ in 0..<Int.random(in: 1...3, using: &generator) {
      bytes[Int.random(in: bytes.indices, using: &generator)] = .random(
        in: 0...255, using: &generator)
    }
    try copy.directory.write(bytes, to: ".metadata")
    guard let archive = try? copy.open() else { return }
    for index in 0..<archive.tensorCount where archive.tensor(at: index).byteCount < 1 << 16 {
      try? archive.readTensor(at: index) { _ in }
    }
  }
}
