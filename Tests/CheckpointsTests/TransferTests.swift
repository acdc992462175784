// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Tensors
import TestSupport
import Testing

@Suite("Files that a transfer damaged or did not finish (spec/command-line.md, L4)")
struct TransferTests {
  /// Files that are read as they are: safetensors, and what seven releases of torch wrote.
  static let intact: [String] = {
    let root = Fixtures.path("torch/written/")
    let written = (try? files(below: root)) ?? []
    let torch = written.filter { $0.hasSuffix(".bin") || $0.hasSuffix(".safetensors") }
    return torch.map { root + $0 }
      + ["lora", "mpt-bf16", "mpt-causal-lm"].map {
        Fixtures.adapter($0) + "/adapter_model.safetensors"
      }
  }()

  @Test(
    "a copy as text is called that, for every file that has enough line feeds", arguments: intact)
  func text(path: String) throws {
    let whole = try bytes(of: path)
    let directory = try TemporaryDirectory()
    let name = "x." + (path.hasSuffix("bin") ? "bin" : "safetensors")
    // What is read of large files: their ends.
    let seen = whole.count <= 8000 ? whole : Array(whole.prefix(3900))
    guard seen.contains(0) else { return }
    if seen.dropFirst().count(where: { $0 == 0x0A }) >= 3 {
      let changed = whole.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] }
      let error = try #require(ImpostorTests.failure(try directory.write(changed, to: name)))
      #expect(
        error.message
          == "is damaged: it was copied as text, which put a carriage return before every line feed"
      )
      #expect(error.hint == "copy or download it again, as a binary file")
    }
    let decoded = Array(String(decoding: whole, as: UTF8.self).utf8)
    if decoded.prefix(4000).count(where: { $0 == 0xEF }) >= 3,
      let error = ImpostorTests.failure(try directory.write(decoded, to: name))
    {
      #expect(
        error.message
          == "is damaged: it was copied as text, which replaced every byte that is not UTF-8")
    }
  }

  @Test("a file that is cut off has no other name", arguments: intact)
  func cut(path: String) throws {
    let whole = try bytes(of: path)
    let directory = try TemporaryDirectory()
    let name = "x." + (path.hasSuffix("bin") ? "bin" : "safetensors")
    for step in 1..<12 {
      let count = 16 + (whole.count - 17) * step / 12
      let error = ImpostorTests.failure(try directory.write(Array(whole[..<count]), to: name))
      guard let error else { continue }
      #expect(!error.message.contains("not a checkpoint"), "\(count) bytes: \(error)")
      #expect(!error.message.contains("copied as text"), "\(count) bytes: \(error)")
    }
  }

  @Test("random bytes have no name")
  func random() throws {
    var generator = SeededGenerator(seed: 13)
    let directory = try TemporaryDirectory()
    for index in 0..<500 {
      let bytes = (0..<Int.random(in: 20...6000, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      let name = ["x.bin", "x.safetensors", "x.npy", "x"][index % 4]
      let error = try #require(ImpostorTests.failure(try directory.write(bytes, to: name)))
      #expect(!error.message.contains("not a checkpoint"), "\(index): \(error)")
      #expect(!error.message.contains("copied as text"), "\(index): \(error)")
    }
  }

  @Test(
    "a part has the name of one",
    arguments: ["incomplete", "part", "crdownload", "partial", "filepart"])
  func unfinished(ending: String) throws {
    let directory = try TemporaryDirectory()
    let whole = try bytes(of: Fixtures.adapter("lora") + "/adapter_model.safetensors")
    let part = try directory.write(whole.dropLast(5), to: "m.safetensors." + ending)
    let error = try #require(ImpostorTests.failure(part))
    #expect(
      error.message.hasPrefix(
        "is an unfinished download: ends too early: the tensors take 5888 bytes, 5883 follow"))
    #expect(error.hint?.contains("the name ends in .\(ending) until") == true)
    let start = try directory.write(Array(whole.prefix(60)), to: "m.safetensors." + ending)
    #expect(ImpostorTests.failure(start)?.message == "is an unfinished download")
    // The name alone is no reason to refuse a file that is whole.
    let renamed = try directory.write(whole, to: "n.safetensors." + ending)
    #expect(ImpostorTests.failure(renamed) == nil)
  }

  @Test("a file that aria2 has reserved but not filled is not read")
  func reserved() throws {
    let directory = try TemporaryDirectory()
    let whole = try bytes(of: Fixtures.adapter("lora") + "/adapter_model.safetensors")
    let path = try directory.write(
      Array(whole.prefix(3000)) + [UInt8](repeating: 0, count: whole.count - 3000),
      to: "m.safetensors")
    #expect(ImpostorTests.failure(path) == nil)
    try directory.write([0, 1], to: "m.safetensors.aria2")
    let error = try #require(ImpostorTests.failure(path))
    #expect(error.message == "is an unfinished download")
    #expect(error.hint?.contains("m.safetensors.aria2") == true)
  }
}
