// SPDX-License-Identifier: Apache-2.0
import Files
import Tensors
import TestSupport
import Testing
import ZipArchive

@Suite struct IndexTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func file(_ bytes: [UInt8]) throws -> InputFile {
    try InputFile(path: directory.write(bytes, to: "archive.zip"))
  }

  private func archive() throws -> RawZip {
    RawZip([
      try .init("a/x", Array("hello".utf8)),
      try .init("a/y", [UInt8](repeating: 7, count: 5000), method: 8),
    ])
  }

  @Test func entries() throws {
    let file = try file(archive().bytes())
    let index = try ZipIndex(of: file)
    #expect(index.entries.map(\.name) == ["a/x", "a/y"])
    #expect(index.entries.map(\.byteCount) == [5, 5000])
    #expect(index.entries.map(\.method) == [.stored, .deflated])
    #expect(!index.checksumsAreOff)
    #expect(index.index(of: "a/y") == 1)
    #expect(index.index(of: "A/Y") == nil)
    #expect(try index.contents(of: index.entries[0], in: file, limit: 5) == Array("hello".utf8))
    #expect(
      try index.contents(of: index.entries[1], in: file, limit: 5000)
        == [UInt8](repeating: 7, count: 5000))
  }

  /// An archive that lies, and words of the refusal.
  struct Lie: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let says: String
    var change: @Sendable (inout RawZip) -> Void = { _ in }
    var changeBytes: @Sendable ([UInt8]) -> [UInt8] = { $0 }

    init(
      _ name: String, says: String, change: @escaping @Sendable (inout RawZip) -> Void = { _ in },
      bytes: @escaping @Sendable ([UInt8]) -> [UInt8] = { $0 }
    ) {
      testDescription = name
      self.says = says
      self.change = change
      changeBytes = bytes
    }

    static let all: [Lie] = [
      Lie("a name in another case", says: "appears twice") { $0.members[1].name = "A/x" },
      Lie("an absolute name", says: "unsafe") { $0.members[1].name = "/a" },
      Lie("a name that leaves", says: "unsafe") { $0.members[1].name = "a/../b" },
      Lie("another method", says: "unsupported compression") { $0.members[1].method = 12 },
      Lie("encryption", says: "password") { $0.members[0].flags = 0x801 },
      Lie("two sizes", says: "two sizes") { $0.members[0].byteCount = 4 },
      Lie("a large ratio", says: "would expand") { $0.members[1].byteCount = 1 << 28 },
      Lie("bytes in front", says: "inconsistent", bytes: { [1, 2, 3] + $0 }),
      Lie("bytes behind", says: "follow", bytes: { $0 + [1, 2, 3] }),
      Lie("no end", says: "no end record", bytes: { Array($0.dropLast(30)) }),
      Lie("another first byte", says: "no header", bytes: { [0] + $0.dropFirst() }),
    ]
  }

  @Test(arguments: Lie.all)
  func refusals(lie: Lie) throws {
    var archive = try archive()
    lie.change(&archive)
    let file = try file(lie.changeBytes(archive.bytes()))
    let error = #expect(throws: CheckpointError.self) { try ZipIndex(of: file) }
    #expect(error?.message.contains(lie.says) == true, "\(String(describing: error))")
  }

  /// An archive with a comment in place of none.
  private func commented(_ comment: [UInt8], promised: Int? = nil) throws -> InputFile {
    let count = UInt16(promised ?? comment.count)
    return try file(
      archive().bytes().dropLast(2) + [UInt8(count & 0xFF), UInt8(count >> 8)] + comment)
  }

  @Test("the comment of an archive is what its end record says (T3)")
  func comment() throws {
    #expect(try ZipIndex(of: file(archive().bytes())).comment.isEmpty)
    for count in [1, 13, 65535] {
      let index = try ZipIndex(of: commented([UInt8](repeating: 0x50, count: count)))
      #expect(index.comment.count == count)
      #expect(index.entries.count == 2)
    }
    // Readers search for the end record from the end of the file.
    let second: [UInt8] = [0x50, 0x4B, 5, 6] + [UInt8](repeating: 0, count: 18)
    for (file, says) in try [
      (commented([1, 2, 3], promised: 2), "1 unexpected byte follows"),
      (commented([1, 2, 3], promised: 4), "the comment that its end record promises is missing"),
      (commented(second), "two end records"),
      (commented(second + [9]), "1 unexpected byte follows"),
    ] {
      let error = #expect(throws: CheckpointError.self) { try ZipIndex(of: file) }
      #expect(error?.message.contains(says) == true, "\(String(describing: error))")
    }
  }

  @Test func namesThatDifferInCase() throws {
    var archive = try archive()
    archive.members[1].name = "A/X"
    let index = try ZipIndex(of: file(archive.bytes()), mindsCase: true)
    #expect(index.index(of: "A/X") == 1)
  }

  @Test func aWrongChecksumIsFoundWhenDataIsRead() throws {
    for place in 0...1 {
      var archive = try archive()
      archive.members[place].checksum ^= 1
      let file = try file(archive.bytes())
      let index = try ZipIndex(of: file)
      let error = #expect(throws: CheckpointError.self) {
        try index.contents(of: index.entries[place], in: file, limit: 1 << 20)
      }
      #expect(error?.code == .malformed)
      let records = ZipRecords(index, in: file, isChecked: true)
      #expect(throws: CheckpointError.self) { try records.verify(place) }
      #expect(!records.isVerified(place))
    }
  }

  @Test(
    arguments: [
      ("a/b", nil), ("a/", nil), ("", "empty"), ("/a", "absolute"), ("a//b", "no name"),
      ("a/./b", "leaves"), ("..", "leaves"), ("a\\b", "backslash"), ("a\0b", "NUL"),
    ] as [(String, String?)])
  func names(name: String, problem: String?) {
    let found = ZipName.problem(of: Array(name.utf8))
    #expect((found == nil) == (problem == nil))
    if let problem { #expect(found?.contains(problem) == true) }
  }
}
