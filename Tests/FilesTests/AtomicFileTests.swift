// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Tensors
import TestSupport
import Testing

@Suite("Files that appear whole or not at all")
struct AtomicFileTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  @Test("nothing has the name before commit, and nothing else is left after it")
  func commit() throws {
    let path = directory.path("out")
    var file = try AtomicFile(path: path, policy: OutputPolicy())
    try file.write([1, 2, 3].span.rawBytes)
    #expect(file.byteCount == 3)
    let names = try directory.names
    #expect(names.count == 1 && names[0].hasPrefix(".out.") && names[0].hasSuffix(".peftkit-tmp"))
    try file.commit()
    #expect(try directory.names == ["out"])
    #expect(try bytes(of: path) == [1, 2, 3])
  }

  @Test("without commit nothing is left, and what stood there still stands")
  func abandoned() throws {
    try directory.write([7], to: "old")
    for name in ["new", "old"] {
      let error = failure { () throws(CheckpointError) in
        var file = try AtomicFile(path: directory.path(name), policy: replacing)
        try file.write(pattern(300_000).span.rawBytes)
        throw CheckpointError(.mismatch, "given up")
      }
      #expect(error?.code == .mismatch)
      #expect(try directory.names == ["old"])
    }
    #expect(try bytes(of: directory.path("old")) == [7])
  }

  @Test("writes of all sizes follow one another")
  func writing() throws {
    let data = pattern(2_000_000)
    let path = directory.path("out")
    var file = try AtomicFile(path: path, policy: careful)
    var start = 0
    for count in [0, 1, 262_142, 1, 1, 262_143, 2, 262_144, 262_145, 0, 700_000] {
      try file.write(Array(data[start..<start + count]).span.rawBytes)
      start += count
      #expect(file.byteCount == start)
    }
    try file.commit()
    #expect(try bytes(of: path) == Array(data[..<start]))
  }

  @Test("a file that exists is replaced only by force")
  func existing() throws {
    let path = try directory.write([7], to: "out")
    let error = failure { () throws(CheckpointError) in try writeAtomically([1], to: path) }
    #expect(error?.code == .alreadyExists)
    #expect(error?.path == path && error?.remedy == .overwrite)
    #expect(try bytes(of: path) == [7])
    try writeAtomically([1], to: path, replacing)
    #expect(try bytes(of: path) == [1])
    #expect(try directory.names == ["out"])
  }

  @Test("a file that comes into being meanwhile is not replaced", arguments: ["file", "link"])
  func race(kind: String) throws {
    let path = directory.path("out")
    let error = failure { () throws(CheckpointError) in
      var file = try AtomicFile(path: path, policy: careful)
      try file.write([1].span.rawBytes)
      if kind == "file" {
        _ = try? directory.write([7], to: "out")
      } else {
        symlink("nowhere", path)
      }
      try file.commit()
    }
    #expect(error?.code == .alreadyExists)
    #expect(try directory.names == ["out"])
    if kind == "file" { #expect(try bytes(of: path) == [7]) }
  }

  @Test("a replacement has the permissions of what it replaces", arguments: [0o600, 0o640, 0o444])
  func permissions(bits: Int) throws {
    let path = try directory.write([7], to: "out")
    chmod(path, mode_t(bits))
    var file = try AtomicFile(path: path, policy: replacing)
    // Not even while it is written may others open it.
    let temporary = try #require(try directory.names.first { $0 != "out" })
    #expect(mode(of: directory.path(temporary)) & 0o777 == bits)
    try file.write([1].span.rawBytes)
    try file.commit()
    #expect(mode(of: path) == bits)
    #expect(try bytes(of: path) == [1])
  }

  @Test("set-user-id is not handed on, and new files have the usual permissions")
  func otherPermissions() throws {
    let path = try directory.write([7], to: "out")
    chmod(path, 0o6755)
    try writeAtomically([1], to: path, replacing)
    #expect(mode(of: path) == 0o755)
    try writeAtomically([1], to: directory.path("new"))
    close(open(directory.path("usual"), O_CREAT | O_WRONLY, 0o666))
    #expect(mode(of: directory.path("new")) == mode(of: directory.path("usual")))
  }

  @Test("a symbolic link is replaced, not what it leads to", arguments: ["other", "nowhere"])
  func link(target: String) throws {
    try directory.write([7], to: "other")
    let path = directory.path("out")
    symlink(target, path)
    #expect(failure { () throws(CheckpointError) in try writeAtomically([1], to: path) } != nil)
    try writeAtomically([1], to: path, replacing)
    #expect(try bytes(of: directory.path("other")) == [7])
    #expect(try bytes(of: path) == [1])
    #expect(
      try FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
        == .typeRegular)
    #expect(try directory.names == ["other", "out"])
  }

  @Test("the file that replaces a link has the permissions of what it led to")
  func permissionsBehindLink() throws {
    chmod(try directory.write([7], to: "other"), 0o600)
    let path = directory.path("out")
    symlink("other", path)
    try writeAtomically([1], to: path, replacing)
    #expect(try bytes(of: path) == [1])
    #expect(mode(of: path) == 0o600)
  }

  @Test("directories, pipes and devices are no outputs, even by force")
  func otherKinds() throws {
    try FileManager.default.createDirectory(
      atPath: directory.path("directory"), withIntermediateDirectories: false)
    mkfifo(directory.path("pipe"), 0o600)
    let before = try directory.names
    for path in [directory.path("directory"), directory.path("pipe"), "/dev/null"] {
      let error = failure { () throws(CheckpointError) in
        try writeAtomically([1], to: path, replacing)
      }
      #expect(error?.code == .invalidArgument, "\(path)")
      #expect(error?.path == path)
    }
    #expect(try directory.names == before)
  }

  @Test("paths that name no file", arguments: ["", ".", "..", "/", "x/.", "x/.."])
  func noNames(path: String) {
    let error = failure { () throws(CheckpointError) in
      try writeAtomically([1], to: path, replacing)
    }
    #expect(error?.code == .invalidArgument)
  }

  @Test("a directory that is missing or a file is an error of the system")
  func badDirectories() throws {
    try directory.write([7], to: "file")
    let missing = failure { () throws(CheckpointError) in
      try writeAtomically([1], to: directory.path("no/out"))
    }
    #expect(missing?.code == .missing)
    let file = failure { () throws(CheckpointError) in
      try writeAtomically([1], to: directory.path("file/out"))
    }
    #expect(file?.code == .system)
  }

  @Test(
    "names of every length that the file system holds",
    arguments: [
      "n", String(repeating: "n", count: 255), String(repeating: "é", count: 127), " ", "\n",
    ])
  func names(name: String) throws {
    try writeAtomically([1], to: directory.path(name), OutputPolicy())
    try writeAtomically([2], to: directory.path(name), replacing)
    #expect(try directory.names == [name])
    #expect(try bytes(of: directory.path(name)) == [2])
  }

  @Test("a name that is too long leaves nothing behind")
  func longName() throws {
    let error = failure { () throws(CheckpointError) in
      try writeAtomically([1], to: directory.path(String(repeating: "n", count: 256)))
    }
    #expect(error?.code == .system)
    #expect(try directory.names == [])
  }

  @Test("names left over by a killed process do not stop the next one")
  func leftovers() throws {
    let path = directory.path("out")
    let file = try AtomicFile(path: path, policy: careful)
    let name = try #require(try directory.names.first)
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    let number = try #require(Int(parts[parts.count - 2]))
    // Other tests of this process take numbers meanwhile.
    for next in number + 1...number + 500 {
      let ending = [String(next), String(parts[parts.count - 1])]
      try directory.write(
        [9], to: (parts.dropLast(2).map(String.init) + ending).joined(separator: "."))
    }
    try writeAtomically([1], to: path)
    #expect(try bytes(of: path) == [1])
    let output = try AtomicDirectory(path: directory.path("directory"), policy: careful)
    try output.commit()
    _ = consume file
    #expect(try directory.names.count == 502)
  }

  static let copied = pattern(2_600_000)
  static let copies: [Range<Int>] = [
    0..<0, 5..<5, 0..<1, 10..<1010, 0..<262_143, 1..<262_145, 7..<262_152, 0..<2_600_000,
    1..<2_599_999, 2_600_000..<2_600_000,
  ]

  @Test("ranges of other files are copied in their place", arguments: copies, ["here", "/dev/shm"])
  func copying(range: Range<Int>, place: String) throws {
    let other = place == "here" ? try TemporaryDirectory() : try TemporaryDirectory(in: place)
    let data = Self.copied
    let source = try InputFile(path: other.write(data, to: "source"))
    var file = try AtomicFile(path: directory.path("out"), policy: careful)
    try file.write([1, 2, 3].span.rawBytes)
    try file.copy(from: source, range: range)
    #expect(file.byteCount == 3 + range.count)
    try file.write([4].span.rawBytes)
    try file.copy(from: source, range: range)
    try file.commit()
    #expect(try bytes(of: directory.path("out")) == [1, 2, 3] + data[range] + [4] + data[range])
  }

  @Test("a source that was cut short meanwhile", arguments: [0, 1000, 400_000])
  func truncatedSource(left: Int) throws {
    let path = try directory.write(pattern(500_000), to: "source")
    let source = try InputFile(path: path)
    truncate(path, left)
    for range in [0..<500_000, 499_000..<500_000] {
      let error = failure { () throws(CheckpointError) in
        var file = try AtomicFile(path: directory.path("out"), policy: careful)
        try file.copy(from: source, range: range)
        try file.commit()
      }
      #expect(error?.code == .truncated)
      #expect(error?.path == path)
      #expect(error?.offset == max(left, range.lowerBound))
    }
    #expect(try directory.names == ["source"])
  }

  @Test("a range beyond the source", arguments: [0..<501, 500..<501, 400..<Int.max, 600..<700])
  func beyondSource(range: Range<Int>) throws {
    let source = try InputFile(path: directory.write(pattern(500), to: "source"))
    let error = failure { () throws(CheckpointError) in
      var file = try AtomicFile(path: directory.path("out"), policy: careful)
      try file.copy(from: source, range: range)
      try file.commit()
    }
    #expect(error?.code == .truncated)
    #expect(try directory.names == ["source"])
  }

  @Test(
    "a full disk is an error, and leaves nothing",
    .enabled(if: TinyFileSystem.isMountable, "a tmpfs cannot be mounted here"))
  func fullDisk() throws {
    let tiny = try #require(TinyFileSystem())
    let path = try tiny.directory.write([7], to: "old")
    let source = try InputFile(path: directory.write(pattern(2_000_000), to: "source"))
    for isCopy in [false, true] {
      let error = failure { () throws(CheckpointError) in
        var file = try AtomicFile(path: path, policy: replacing)
        if isCopy {
          try file.copy(from: source, range: 0..<2_000_000)
        } else {
          for _ in 0..<20 { try file.write(pattern(100_000).span.rawBytes) }
        }
        try file.commit()
      }
      #expect(error?.code == .system)
      #expect(error?.path == path)
      #expect(error?.message.contains("No space left") == true)
      #expect(try tiny.directory.names == ["old"])
      #expect(try bytes(of: path) == [7])
    }
  }
}
