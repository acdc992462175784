// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Tensors
import TestSupport
import Testing

@Suite("Listing directories")
struct TreeTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func makeDirectory(_ name: String) throws {
    try FileManager.default.createDirectory(
      atPath: directory.path(name), withIntermediateDirectories: true)
  }

  @Test("names are in byte order, each directory before what it holds")
  func order() throws {
    for name in ["b/y", "b/x", "a/z/deep", "Z"] { try makeDirectory(name) }
    for name in ["é", "e\u{301}", "a.txt", "A", "b/1", "a/z/2", "a/0", "b/x/3"] {
      try directory.write([1], to: name)
    }
    let tree = try DirectoryTree(of: directory.path)
    #expect(
      tree.directories.map(\.string) == ["Z", "a", "a/z", "a/z/deep", "b", "b/x", "b/y"])
    #expect(
      tree.files.map(\.string).map { Array($0.utf8) }
        == ["A", "a.txt", "e\u{301}", "é", "a/0", "a/z/2", "b/1", "b/x/3"].map { Array($0.utf8) })
    #expect(tree.files.filter(\.isTopLevel).count == 4)
    #expect(tree.files.last?.name == "3")
    #expect(try DirectoryTree.subdirectories(of: directory.path) == ["Z", "a", "b"])
  }

  @Test("links are followed; links to nothing, pipes and sockets are listed apart")
  func links() throws {
    try makeDirectory("real")
    try directory.write([1, 2], to: "real/file")
    symlink("real", directory.path("to-directory"))
    symlink("real/file", directory.path("to-file"))
    symlink("nowhere", directory.path("dangling"))
    symlink("self", directory.path("self"))
    mkfifo(directory.path("pipe"), 0o600)
    let tree = try DirectoryTree(of: directory.path)
    #expect(tree.directories.map(\.string) == ["real", "to-directory"])
    #expect(tree.files.map(\.string) == ["to-file", "real/file", "to-directory/file"])
    #expect(tree.others.map(\.string) == ["dangling", "pipe", "self"])
    #expect(try InputFile(tree.files[2], in: directory.path).byteCount == 2)
    #expect(try DirectoryTree.subdirectories(of: directory.path) == ["real", "to-directory"])
  }

  @Test("cycles of links are refused", arguments: [".", "..", "../a"])
  func cycles(target: String) throws {
    try makeDirectory("a")
    symlink(target, directory.path("a/loop"))
    symlink(target, directory.path("a/second"))
    let error = failure { () throws(CheckpointError) in _ = try DirectoryTree(of: directory.path) }
    #expect(error?.code == .unsupported)
    #expect(error?.hint != nil)
  }

  @Test("links that fan out are refused before they fill the memory")
  func fanOut() throws {
    // Ten ways from each of 20 levels to the next: 10^20 paths.
    for level in 0..<20 {
      try makeDirectory("\(level)")
      for way in 0..<10 { symlink("../\(level + 1)", directory.path("\(level)/\(way)")) }
    }
    try makeDirectory("20")
    let error = failure { () throws(CheckpointError) in
      _ = try DirectoryTree(of: directory.path("0"), mostEntries: 500)
    }
    #expect(error?.code == .unsupported)
  }

  @Test("names that are not UTF-8 survive a copy")
  func bytesOfNames() throws {
    let name: [CChar] = [0x61, -1, 0x62, 0]
    let source = directory.path("source")
    mkdir(source, 0o777)
    let here = open(source, O_RDONLY | O_DIRECTORY)
    defer { close(here) }
    close(openat(here, name, O_CREAT | O_WRONLY, 0o666))
    mkdirat(here, name.map { $0 == 0x61 ? 0x63 : $0 }, 0o777)

    let tree = try DirectoryTree(of: source)
    #expect(tree.files.map(\.string) == ["a\u{FFFD}b"])
    var output = try AtomicDirectory(path: directory.path("copy"), policy: careful)
    for inner in tree.directories { try output.makeDirectory(inner) }
    for file in tree.files {
      let input = try InputFile(file, in: source)
      var copy = try output.makeFile(file)
      try copy.copy(from: input, range: 0..<input.byteCount)
      try copy.commit()
    }
    try output.commit()

    let there = open(directory.path("copy"), O_RDONLY | O_DIRECTORY)
    defer { close(there) }
    #expect(faccessat(there, name, R_OK, 0) == 0)
    #expect(faccessat(there, name.map { $0 == 0x61 ? 0x63 : $0 }, R_OK, 0) == 0)
  }

  @Test("what is no directory cannot be listed")
  func noDirectory() throws {
    let file = try directory.write([1], to: "file")
    #expect(
      failure { () throws(CheckpointError) in _ = try DirectoryTree(of: file) }?.code == .system)
    let missing = failure { () throws(CheckpointError) in
      _ = try DirectoryTree(of: directory.path("no"))
    }
    #expect(missing?.code == .missing)
    #expect(missing?.path == directory.path("no"))
  }

  @Test(
    "whether a path lies below a directory",
    arguments: [
      ("a/x", "a", true), ("a/b/x", "a", true), ("a/b", "a", true), ("a", "a", false),
      ("ab/x", "a", false), ("a", "a/b", false), ("x", "a", false), ("a/../x", "a", false),
      ("a/b/../x", "a", true), ("./a/./x", "a", true), ("a/x/", "a/", true), ("a/b/.", "a", true),
      ("a/b/..", "a", false), ("a/b/c/..", "a", true),
      // `link` leads to `a/b`: below it is below `a`, and so is `link/..`, which is `a`, to `x`.
      ("link/x", "a", true), ("link/../x", "a", true), ("link/../../x", "a", false),
      ("link", "a", false), ("a/x", "link/..", true), ("a/x", "link", false),
      ("link/x", "link", true),
      ("no/x", "a", false), ("a/x", "no", false),
    ])
  func relation(path: String, other: String, expected: Bool) throws {
    try makeDirectory("a/b/c")
    try makeDirectory("ab")
    symlink("a/b", directory.path("link"))
    #expect(
      PathRelation.isInside(directory.path(path), directory.path(other)) == expected)
  }

  @Test("everything but the root lies below the root")
  func root() {
    #expect(PathRelation.isInside(directory.path, "/"))
    #expect(!PathRelation.isInside("/", directory.path))
    #expect(!PathRelation.isInside("/", "/"))
    #expect(PathRelation.isInside(".", ".."))
    #expect(!PathRelation.isInside("..", "."))
  }
}
