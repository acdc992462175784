// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Tensors
import TestSupport
import Testing

@Suite("Reading files")
struct InputTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  @Test("ranges are read")
  func ranges() throws {
    let data = pattern(1000)
    let file = try InputFile(path: directory.write(data, to: "x"))
    #expect(file.byteCount == 1000)
    for range in [0..<1000, 0..<0, 1000..<1000, 5..<6, 999..<1000] {
      #expect(try file.read(at: range.lowerBound, count: range.count) == Array(data[range]))
    }
    #expect(try file.readAll(limit: 1000) == data)
    #expect(
      failure { () throws(CheckpointError) in _ = try file.readAll(limit: 999) }?.code
        == .unsupported)
  }

  @Test(
    "a range outside the file is refused before memory is taken",
    arguments: [
      (0, 1001), (1000, 1), (1001, 0), (0, Int.max), (Int.max, 1), (Int.max, Int.max), (-1, 1),
      (0, -1), (1, Int.max),
    ])
  func outside(offset: Int, count: Int) throws {
    let path = try directory.write(pattern(1000), to: "x")
    let file = try InputFile(path: path)
    let error = failure { () throws(CheckpointError) in
      _ = try file.read(at: offset, count: count)
    }
    #expect(error?.code == .truncated)
    #expect(error?.path == path)
    #expect(error?.offset == offset)
  }

  @Test("a file that was written to is known, one that lost its name is as it was")
  func changes() throws {
    for (count, isNoticed) in [(100_000, true), (1000, false)] {
      let path = try directory.write(pattern(count), to: "x")
      let file = try InputFile(path: path)
      try file.checkUnchanged()
      try file.checkInPlace()
      rename(path, directory.path("y"))
      try file.checkUnchanged()
      #expect(failure { () throws(CheckpointError) in try file.checkInPlace() }?.code == .missing)
      let handle = try #require(FileHandle(forWritingAtPath: directory.path("y")))
      try handle.write(contentsOf: Data([7]))
      // A small file was read when it was opened.
      let error = failure { () throws(CheckpointError) in try file.checkUnchanged() }
      #expect((error?.code == .mismatch) == isNoticed)
    }
  }

  @Test("a file that shrinks is an error where it ends")
  func shrinking() throws {
    let path = try directory.write(pattern(100_000), to: "x")
    let file = try InputFile(path: path)
    truncate(path, 300)
    let error = failure { () throws(CheckpointError) in _ = try file.read(at: 100, count: 500) }
    #expect(error == .truncated(need: 300, have: 0, at: 300).inFile(path))
    let mapping = failure { () throws(CheckpointError) in _ = try MappedFile(file) }
    #expect(mapping?.code == .truncated)
  }

  @Test("a small file stays what it was when it was opened", arguments: [1, 1000, 1 << 16])
  func small(count: Int) throws {
    let data = pattern(count)
    let path = try directory.write(data, to: "x")
    let file = try InputFile(path: path)
    truncate(path, 0)
    #expect(try file.readAll(limit: count) == data)
    #expect(try file.read(at: count - 1, count: 1) == [data[count - 1]])
  }

  @Test("pipes, devices and directories are refused at once", .timeLimit(.minutes(1)))
  func otherKinds() throws {
    mkfifo(directory.path("pipe"), 0o600)
    for path in [directory.path("pipe"), "/dev/zero", "/dev/null", directory.path] {
      let error = failure { () throws(CheckpointError) in _ = try InputFile(path: path) }
      #expect(error?.code == .invalidArgument, "\(path)")
      #expect(error?.path == path)
    }
    #expect(try PathKind(path: directory.path("pipe")) == .other)
    #expect(try PathKind(path: directory.path) == .directory)
  }

  @Test("what is missing is said to be")
  func missing() throws {
    let path = directory.path("no")
    #expect(
      failure { () throws(CheckpointError) in _ = try InputFile(path: path) }?.code == .missing)
    #expect(
      failure { () throws(CheckpointError) in _ = try PathKind(path: path) }?.code == .missing)
    #expect(PathKind.existing(path) == nil)
    symlink("no", directory.path("link"))
    #expect(PathKind.existing(directory.path("link")) == nil)
    try directory.write([1], to: "no")
    #expect(PathKind.existing(directory.path("link")) == .file)
    #expect(try InputFile(path: directory.path("link")).byteCount == 1)
  }

  @Test(
    "a file that may not be read is an error of the system",
    .enabled(if: geteuid() != 0, "root may read everything"))
  func forbidden() throws {
    let path = try directory.write([1], to: "x")
    chmod(path, 0)
    #expect(
      failure { () throws(CheckpointError) in _ = try InputFile(path: path) }?.code == .system)
  }

  @Test("mappings hold the bytes, of empty files none", arguments: [0, 1, 4096, 100_001])
  func mapping(count: Int) throws {
    let data = pattern(count)
    let path = try directory.write(data, to: "x")
    let mapping = try MappedFile(InputFile(path: path))
    #expect(mapping.byteCount == count)
    // Shared, it outlives the name and the open file.
    let shared = SharedMapping(mapping)
    try FileManager.default.removeItem(atPath: path)
    let span = shared.bytes
    #expect(span.byteCount == count)
    #expect(
      (0..<span.byteCount).map { span.unsafeLoad(fromByteOffset: $0, as: UInt8.self) } == data)
  }

  @Test("a mapping that is not shared holds the same")
  func ownMapping() throws {
    let mapping = try MappedFile(InputFile(path: directory.write([1, 2, 3], to: "x")))
    let span = mapping.bytes
    #expect(
      (0..<span.byteCount).map { span.unsafeLoad(fromByteOffset: $0, as: UInt8.self) } == [1, 2, 3])
  }
}
