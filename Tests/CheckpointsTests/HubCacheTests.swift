// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Files
import Foundation
import Tensors
import TestSupport
import Testing

@Suite("The cache of the Hub")
struct HubCacheTests {
  private static let commits = [
    "1111111aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "1111111bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    "2222222ccccccccccccccccccccccccccccccccc",
  ]

  /// A cache with one model, `owner/name`, of these commits, and files in its `refs`.
  private func cache(
    _ references: [String: String], commits: [String] = commits
  ) throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    func make(_ name: String) throws {
      try FileManager.default.createDirectory(
        atPath: directory.path("models--owner--name/" + name), withIntermediateDirectories: true)
    }
    try make("blobs")
    for commit in commits { try make("snapshots/" + commit) }
    for (name, commit) in references {
      try make("refs/" + name.split(separator: "/").dropLast().joined(separator: "/"))
      try directory.write(Array(commit.utf8), to: "models--owner--name/refs/" + name)
    }
    return directory
  }

  private func commit(_ name: String, in cache: TemporaryDirectory) throws -> String? {
    let name = try #require(HubName(name))
    let path = try HubCache(path: cache.path).snapshot(of: name)
    return path.split(separator: "/").last.map(String.init)
  }

  @Test(
    "names (Z1)",
    arguments: [
      ("owner/name", true), ("name", true), ("own-er.x/na_me", true), ("o/n@main", true),
      ("o/n@refs/pr/1", true), ("o/n@v1.0", true), ("", false), ("/o/n", false), ("o/n/", false),
      ("o//n", false), ("a/b/c", false), ("../n", false), ("./n", false), ("o/n@", false),
      ("o/n@../x", false), ("o/n@a//b", false), ("o/n@a@b", false), ("-o/n", false),
      ("o/n.", false), ("o/a--b", false), ("o/a..b", false), ("o/ä", false), ("o/a b", false),
      ("o/" + String(repeating: "n", count: 94), true),
      ("o/" + String(repeating: "n", count: 95), false),
    ])
  func names(text: String, isName: Bool) {
    #expect(HubName(text)?.description == (isName ? text : nil))
  }

  @Test("revisions are names, commits and their first digits (Z3)")
  func revisions() throws {
    let (a, b, c) = (Self.commits[0], Self.commits[1], Self.commits[2])
    let cache = try cache(["main": b, "refs/pr/1": c + "\n", "gone": "3333333"])
    #expect(try commit("owner/name", in: cache) == b)
    #expect(try commit("owner/name@main", in: cache) == b)
    #expect(try commit("owner/name@refs/pr/1", in: cache) == c)
    #expect(try commit("owner/name@" + a, in: cache) == a)
    #expect(try commit("owner/name@2222222", in: cache) == c)
    // Ambiguous, too short, without files, and unknown.
    for revision in ["1111111", "222222", "gone", "v9"] {
      let error = #expect(throws: CheckpointError.self) {
        try commit("owner/name@" + revision, in: cache)
      }
      #expect(error?.code == .missing)
      #expect(error?.message.contains("no files of its revision \(revision)") == true)
      #expect(error?.hint?.contains("main, refs/pr/1") == true)
    }
    let error = #expect(throws: CheckpointError.self) { try commit("owner/other", in: cache) }
    #expect(error?.remedy == .downloadModel("owner/other", revision: nil))
  }

  @Test("without main, the only snapshot is meant (Z3)")
  func onlySnapshot() throws {
    let one = try cache([:], commits: [Self.commits[0]])
    #expect(try commit("owner/name", in: one) == Self.commits[0])
    let none = try cache([:], commits: [])
    let two = try cache([:])
    for cache in [none, two] {
      #expect(throws: CheckpointError.self) { try commit("owner/name", in: cache) }
    }
    // A name that the caller gives is meant as it is.
    #expect(throws: CheckpointError.self) { try commit("owner/name@main", in: one) }
  }

  @Test("a file in refs that is no commit names nothing (Z3)", arguments: ["", "../..", "zz", "."])
  func strangeReferences(text: String) throws {
    let cache = try cache(["main": text])
    let error = #expect(throws: CheckpointError.self) { try commit("owner/name", in: cache) }
    #expect(error?.code == .missing)
  }

  @Test("folders and files in refs are snapshots, other paths themselves (Z4)")
  func paths() throws {
    let (a, b) = (Self.commits[0], Self.commits[1])
    let cache = try cache(["main": b, "v1": a])
    let folder = cache.path("models--owner--name")
    for (path, snapshot) in [
      (folder, b), (folder + "/", b), (folder + "/refs/main", b), (folder + "/refs/v1", a),
    ] {
      #expect(try HubCache.path(of: path) == folder + "/snapshots/" + snapshot)
    }
    for path in ["/snapshots", "/snapshots/" + a, "/blobs", "/refs", "/none"] {
      #expect(try HubCache.path(of: folder + path) == folder + path)
    }
    #expect(try HubCache.path(of: folder, isTree: true) == folder)
    let plain = try TemporaryDirectory()
    #expect(try HubCache.path(of: plain.path) == plain.path)
  }
}
