import Files
import Foundation
import Synchronization
import Tensors
import TestSupport
import Testing

@Suite("Threads, lines and directories of a bulk run")
struct WorkerTests {
  @Test("work is done on as many threads as were asked for", arguments: [1, 2, 5])
  func pool(count: Int) {
    let threads = Mutex<Set<UInt>>([])
    WorkerPool.run(count: count) {
      // Each waits for all: none can do the work of two.
      threads.withLock { _ = $0.insert(UInt(bitPattern: pthread_self().hashValue)) }
      while threads.withLock({ $0.count }) < count { usleep(1000) }
    }
    #expect(threads.withLock { $0.count } == count)
  }

  @Test("one beside the other, until both have ended")
  func beside() {
    let ticker = Ticker()
    let ticks = Mutex(0)
    var isFirstDone = false
    WorkerPool.run {
      while ticks.withLock({ $0 }) < 3 { usleep(1000) }
      ticker.stop()
      isFirstDone = true
    } beside: {
      ticker.run(milliseconds: 1) { ticks.withLock { $0 += 1 } }
    }
    #expect(isFirstDone)
    #expect(ticker.hasStopped)
  }

  @Test(
    "the quota of a control group, in whole CPUs",
    arguments: [
      ("200000 100000\n", 2), ("150000 100000\n", 2), ("50000 100000", 1), ("1 100000", 1),
      ("max 100000\n", nil), ("", nil), ("0 100000", nil), ("-1 100000", nil), ("100000 0", nil),
      ("100000", nil), ("9223372036854775807 100000", nil), ("1 2 3", nil),
    ] as [(String, Int?)])
  func quota(text: String, expected: Int?) {
    #expect(WorkerPool.limit(text: text) == expected)
    #expect(WorkerPool.cpuCount >= 1)
  }

  @Test(
    "lines, without what follows the last line feed and without those that are too long",
    arguments: [
      ("", []), ("a\n", ["a"]), ("a\nb", ["a"]), ("\n\na\n", ["", "", "a"]),
      ("1234\n12345\n123456\n1\n", ["1234", "12345", "1"]),
    ] as [(String, [String])])
  func lines(text: String, expected: [String]) throws {
    let directory = try TemporaryDirectory()
    let file = try InputFile(path: directory.write(Array(text.utf8), to: "x"))
    var lines: [String] = []
    try file.readLines(limit: 5) { lines.append(String(decoding: $0, as: UTF8.self)) }
    #expect(lines == expected)
  }

  @Test("lines added by several threads stand whole")
  func appended() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("log")
    let file = try AppendedFile(path: path, existing: .refused)
    let next = Mutex(0)
    WorkerPool.run(count: 4) {
      while true {
        let number = next.withLock { value in
          value += 1
          return value
        }
        guard number <= 200 else { return }
        let line = String(repeating: "\(number % 10)", count: 300) + " \(number)\n"
        try? file.append(Array(line.utf8))
      }
    }
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    #expect(Set(lines.compactMap { $0.split(separator: " ").last }).count == 200)
    for line in lines {
      let parts = line.split(separator: " ")
      #expect(parts[0].count == 300 && parts[0].allSatisfy { $0 == parts[1].last })
    }
    let error = failure { () throws(CheckpointError) in
      _ = try AppendedFile(path: path, existing: .refused)
    }
    #expect(error?.code == .alreadyExists)
    _ = try AppendedFile(path: path, existing: .replaced)
    #expect(try bytes(of: path).isEmpty)
  }

  @Test("directories are made, the ones above them too; a file in the way is an error")
  func directories() throws {
    let directory = try TemporaryDirectory()
    var maker = DirectoryMaker(
      root: directory.path("a/b"), like: directory.path("model"), synchronizes: true)
    try maker.makeRoot()
    #expect(try maker.makeParent(of: RelativePath("file")))
    #expect(try maker.makeParent(of: RelativePath("c/d/e/file")))
    #expect(try maker.makeParent(of: RelativePath("c/d/e/other")))
    #expect(try !maker.makeParent(of: RelativePath("c/file")))
    #expect(try !maker.makeParent(of: RelativePath("file")))
    let names = try FileManager.default.subpathsOfDirectory(atPath: directory.path).sorted()
    #expect(names == ["a", "a/b", "a/b/c", "a/b/c/d", "a/b/c/d/e"])
    try directory.write([1], to: "a/b/x")
    for path in ["x/file", "x/y/file"] {
      let error = failure { () throws(CheckpointError) in
        _ = try maker.makeParent(of: RelativePath(path))
      }
      #expect(error?.path?.hasPrefix(directory.path("a/b/x")) == true)
    }
  }

  @Test("directories are as private as those that they are made for (L68)")
  func privateDirectories() throws {
    let directory = try TemporaryDirectory()
    for (name, bits) in [("model", 0o711), ("model/a", 0o700), ("model/a/b", 0o755)] {
      try FileManager.default.createDirectory(
        atPath: directory.path(name), withIntermediateDirectories: false)
      chmod(directory.path(name), mode_t(bits))
    }
    var maker = DirectoryMaker(
      root: directory.path("up/out"), like: directory.path("model"), synchronizes: false)
    #expect(try maker.makeParent(of: RelativePath("a/b/file")))
    let modes = ["up/out", "up/out/a", "up/out/a/b"].map { mode(of: directory.path($0)) }
    #expect(modes == [0o711, 0o700, mode(of: directory.path("up"))])
  }

  @Test("paths keep their bytes")
  func bytesOfPaths() {
    let path = RelativePath(bytes: [0x61, 0x2F, 0xFF, 0x62])
    #expect(path.bytes == [0x61, 0x2F, 0xFF, 0x62])
    #expect(!path.isText)
    #expect(path.string == "a/\u{FFFD}b")
    #expect(path.replacingName(with: [0x63]).bytes == [0x61, 0x2F, 0x63])
    #expect(path != RelativePath(bytes: [0x61, 0x2F, 0xFE, 0x62]))
    #expect(RelativePath("é") != RelativePath("e\u{301}"))
    #expect(RelativePath.root.string(in: "x") == "x")
    #expect(RelativePath("é").isText)
  }

  @Test(
    "slashes that say nothing are left out, and what follows a NUL",
    arguments: [
      ("a", "a"), ("a/b", "a/b"), ("a//b", "a/b"), ("a/b/", "a/b"), ("a///", "a"), ("/", "/"),
      ("//", "/"), ("/a", "/a"), ("//a/", "/a"), ("", ""), ("a\0/b", "a"), ("a/\0b", "a"),
    ])
  func slashes(given: String, kept: String) {
    #expect(RelativePath(given).string == kept)
  }
}
