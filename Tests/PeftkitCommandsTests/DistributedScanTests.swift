// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite("scan of distributed checkpoints (S33)")
struct DistributedScanTests {
  static func path(_ name: String) -> String { Fixtures.path("distributed/" + name) }

  /// The verdict on each file of a directory, by its name.
  private func verdicts(_ path: String) throws -> [String: String] {
    let files = try #require(
      try peftkit("scan", path, "--json").json()["files"] as? [[String: Any]])
    return [String: String](
      uniqueKeysWithValues: files.compactMap { file in
        guard let path = file["path"] as? String, let verdict = file["verdict"] as? String
        else { return nil }
        return (String(path.split(separator: "/").last ?? ""), verdict)
      })
  }

  @Test("what torch saved is data only, in every file", arguments: ["state-dict", "hostile/numpy"])
  func clean(name: String) throws {
    let found = try verdicts(Self.path(name))
    #expect(found.count == (name == "state-dict" ? 5 : 2))
    #expect(found.values.allSatisfy { $0 == "data only" })
    #expect(found[".metadata"] != nil)
    for file in found.keys {
      let run = try peftkit("scan", Self.path(name) + "/" + file)
      #expect(run.exitCode == 0, "\(run.output)")
      #expect(run.output.contains("torch-distributed"))
    }
  }

  @Test(
    "code is found in metadata, in values, and between parts",
    arguments: [
      ("metadata", ".metadata", "posix.system"), ("protocol-0", ".metadata", "os.system"),
      ("launcher", ".metadata", "SubprocessHandler"), ("value", "__0_0.distcp", "posix.system"),
      ("gap", "__0_0.distcp", "system"),
    ])
  func code(name: String, file: String, call: String) throws {
    let found = try verdicts(Self.path("hostile/" + name))
    #expect(found.filter { $0.value == "asks for code" }.map(\.key) == [file])
    let run = try peftkit("scan", Self.path("hostile/" + name))
    #expect(run.exitCode == 1)
    #expect(run.output.contains(call))
  }

  @Test(
    "damage is found",
    arguments: [
      ("empty-metadata", ".metadata"), ("damaged-value", "__0_0.distcp"),
      ("overlap", "__0_0.distcp"), ("compressed", "__0_0.distcp"),
    ])
  func damage(name: String, file: String) throws {
    #expect(try verdicts(Self.path("hostile/" + name))[file] == "damaged")
  }

  @Test("a file of shards without metadata is damaged; another program's metadata are passed over")
  func alone() throws {
    let directory = try TemporaryDirectory()
    try directory.write(bytes(of: Self.path("hostile/numpy/__0_0.distcp")), to: "__0_0.distcp")
    #expect(try verdicts(directory.path) == ["__0_0.distcp": "damaged"])
    let other = try TemporaryDirectory()
    try other.write(Array("[metadata]\n".utf8), to: ".metadata")
    try other.write(bytes(of: Fixtures.path("torch/modules/trainer.pt")), to: "x.distcp")
    try other.write(bytes(of: Fixtures.path("torch/modules/trainer.pt")), to: "x.pt")
    let found = try verdicts(other.path)
    #expect(found["x.pt"] == "data only")
  }
}
