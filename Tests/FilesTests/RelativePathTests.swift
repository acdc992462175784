// SPDX-License-Identifier: Apache-2.0
import Files
import Testing

@Suite("Relative paths")
struct RelativePathTests {
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
