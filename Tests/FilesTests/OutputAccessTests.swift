// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Tensors
import TestSupport
import Testing

@Suite("Who may use an output")
struct OutputAccessTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func written(_ name: String, _ access: OutputAccess) throws -> mode_t {
    var file = try AtomicFile(path: directory.path(name), policy: OutputPolicy(), access: access)
    try file.write([1].span.rawBytes)
    try file.commit()
    return mode(of: directory.path(name))
  }

  @Test(
    "a file is as open as the one that it is made of, and no more (L68)",
    arguments: [0o600, 0o640, 0o400, 0o755, 0o4755])
  func files(bits: Int) throws {
    let path = try directory.write([7], to: "source")
    chmod(path, mode_t(bits))
    let usual = try written("usual", .usual)
    let expected = mode_t(bits) & 0o777 & (usual | 0o111)
    #expect(try written("copy", OutputAccess(like: path)) == expected)
    symlink("source", directory.path("link"))
    #expect(try written("linked", OutputAccess(like: directory.path("link"))) == expected)
    #expect(try written("none", OutputAccess(like: directory.path("no"))) == usual)
  }

  @Test(
    "a directory of a file's parts may be searched by whom the file may be read",
    arguments: [(0o600, 0o700), (0o640, 0o750), (0o444, 0o755)])
  func directories(file: Int, expected: Int) throws {
    let path = try directory.write([7], to: "source")
    chmod(path, mode_t(file))
    var output = try AtomicDirectory(
      path: directory.path("out"), policy: OutputPolicy(), access: OutputAccess(like: path))
    let inner = directory.path("inner")
    try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: false)
    chmod(inner, 0o711)
    try output.makeDirectory(RelativePath("in"), access: OutputAccess(like: inner))
    let member = try output.makeFile(RelativePath("in/x"), access: OutputAccess(like: path))
    try member.commit()
    try output.commit()
    let wanted = [mode_t(expected), 0o711, mode_t(file)].map { $0 & ~mask }
    #expect(["out", "out/in", "out/in/x"].map { mode(of: directory.path($0)) } == wanted)
  }

  /// The umask, read off what it leaves.
  private var mask: mode_t {
    let path = directory.path("probe")
    mkdir(path, 0o777)
    return 0o777 & ~mode(of: path)
  }
}
