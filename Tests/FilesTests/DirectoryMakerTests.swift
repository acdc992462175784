// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Tensors
import TestSupport
import Testing

@Suite("Directories of outputs")
struct DirectoryMakerTests {
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
}
