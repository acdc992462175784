// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Tensors
import TestSupport
import Testing

/// Makes a directory with one file `name` in `sub`, the way a command does.
private func make(
  _ path: String, _ policy: OutputPolicy, name: String = "new", isPlaceNew: Bool = false,
  meanwhile: () -> Void = {}
) throws(CheckpointError) {
  var output = try AtomicDirectory(
    path: path, policy: policy, access: .usual, isPlaceNew: isPlaceNew)
  try output.makeDirectory(RelativePath("sub"))
  var file = try output.makeFile(RelativePath("sub/" + name))
  try file.write([1].span.rawBytes)
  try file.commit()
  meanwhile()
  try output.commit()
}

@Suite("Directories that appear whole or not at all")
struct AtomicDirectoryTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func makeOld(_ name: String = "out") throws -> String {
    let path = directory.path(name)
    try FileManager.default.createDirectory(
      atPath: path + "/deep/er", withIntermediateDirectories: true)
    try directory.write([7], to: name + "/old")
    try directory.write([8], to: name + "/deep/er/old")
    return path
  }

  @Test("a new directory", arguments: [true, false])
  func new(synchronizes: Bool) throws {
    let path = directory.path("out")
    try make(path, OutputPolicy(replacesExisting: false, synchronizes: synchronizes)) {
      #expect(!FileManager.default.fileExists(atPath: path))
    }
    #expect(try files(below: directory.path) == ["out/sub/new"])
  }

  @Test("what takes the name of an output in a new place is found at the end")
  func newPlace() throws {
    try make(directory.path("out"), careful, isPlaceNew: true)
    var error = failure { () throws(CheckpointError) in
      try make(directory.path("out"), careful, name: "other", isPlaceNew: true)
    }
    #expect(error?.code == .alreadyExists)
    error = failure { () throws(CheckpointError) in
      var file = try AtomicFile(
        path: directory.path("out"), policy: careful, access: .usual, isPlaceNew: true)
      try file.write([1].span.rawBytes)
      try file.commit()
    }
    #expect(error?.code == .alreadyExists)
    #expect(try files(below: directory.path) == ["out/sub/new"])
  }

  @Test("a directory is replaced as a whole, by force only", arguments: ["", "/", "/.", "/./"])
  func replacement(ending: String) throws {
    let path = try makeOld()
    let error = failure { () throws(CheckpointError) in try make(path + ending, careful) }
    #expect(error?.code == .alreadyExists)
    #expect(try files(below: path) == ["deep/er/old", "old"])
    try make(path + ending, OutputPolicy(replacesExisting: true)) {
      #expect((try? files(below: path)) == ["deep/er/old", "old"])
    }
    #expect(try files(below: directory.path) == ["out/sub/new"])
    #expect(try directory.names == ["out"])
  }

  @Test("what fails before commit leaves the old directory and nothing else")
  func abandoned() throws {
    let path = try makeOld()
    let error = failure { () throws(CheckpointError) in
      var output = try AtomicDirectory(path: path, policy: replacing)
      try output.makeDirectory(RelativePath("sub"))
      try writeFile(in: output)
      throw CheckpointError(.mismatch, "given up")
    }
    #expect(error?.code == .mismatch)
    #expect(try directory.names == ["out"])
    #expect(try files(below: path) == ["deep/er/old", "old"])
  }

  private func writeFile(in output: borrowing AtomicDirectory) throws(CheckpointError) {
    let file = try output.makeFile(RelativePath("sub/new"))
    try file.commit()
  }

  @Test("the links of a replaced directory go, what they lead to stays")
  func linksInside() throws {
    let path = try makeOld()
    let precious = try makeOld("precious")
    symlink("../precious", path + "/link")
    symlink("nowhere", path + "/dangling")
    try make(path, replacing)
    #expect(try directory.names == ["out", "precious"])
    #expect(try files(below: precious) == ["deep/er/old", "old"])
  }

  @Test("a link to a directory is not replaced", arguments: ["before", "meanwhile"])
  func link(moment: String) throws {
    let precious = try makeOld("precious")
    let path = directory.path("out")
    if moment == "before" { symlink("precious", path) } else { _ = try makeOld() }
    let error = failure { () throws(CheckpointError) in
      try make(path, replacing) {
        guard moment == "meanwhile" else { return }
        try? FileManager.default.removeItem(atPath: path)
        symlink("precious", path)
      }
    }
    #expect(error?.code == .invalidArgument)
    #expect(try directory.names == ["out", "precious"])
    #expect(try files(below: precious) == ["deep/er/old", "old"])
  }

  @Test("something that comes into being meanwhile stays", arguments: [true, false])
  func race(isForced: Bool) throws {
    let path = directory.path("out")
    let error = failure { () throws(CheckpointError) in
      try make(path, isForced ? replacing : careful) { _ = try? directory.write([7], to: "out") }
    }
    #expect(error?.code == (isForced ? .invalidArgument : .alreadyExists))
    #expect(try directory.names == ["out"])
    #expect(try bytes(of: path) == [7])
  }

  @Test("a directory that comes into being meanwhile, even empty, stays")
  func raceOfDirectories() throws {
    let path = directory.path("out")
    let error = failure { () throws(CheckpointError) in
      try make(path, careful) { mkdir(path, 0o777) }
    }
    #expect(error?.code == .alreadyExists)
    #expect(try directory.names == ["out"])
    #expect(try files(below: path) == [])
  }

  @Test(".. behind a link leads where the system says")
  func parentOfLink() throws {
    _ = try makeOld("far/away")
    symlink("far/away", directory.path("link"))
    try make(directory.path("link/../out"), careful)
    #expect(try directory.names == ["far", "link"])
    #expect(try files(below: directory.path("far/out")) == ["sub/new"])
  }

  @Test("paths that could not be renamed", arguments: ["", ".", "..", "/", "x/.."])
  func badPaths(path: String) {
    let error = failure { () throws(CheckpointError) in try make(path, replacing) }
    #expect(error?.code == .invalidArgument)
  }

  @Test("a file of that name is no directory to replace")
  func file() throws {
    let path = try directory.write([7], to: "out")
    #expect(
      failure { () throws(CheckpointError) in try make(path, careful) }?.code == .alreadyExists)
    #expect(
      failure { () throws(CheckpointError) in try make(path, replacing) }?.code == .invalidArgument)
    #expect(try directory.names == ["out"])
  }

  @Test("nothing inside is written twice")
  func twice() throws {
    let error = failure { () throws(CheckpointError) in
      var output = try AtomicDirectory(path: directory.path("out"), policy: careful)
      try output.makeDirectory(RelativePath("sub"))
      try writeFile(in: output)
      try writeFile(in: output)
    }
    #expect(error?.code == .alreadyExists)
    #expect(try directory.names == [])
  }

  @Test("a directory that others may not look into stays closed", arguments: [0o700, 0o750, 0o500])
  func permissions(mode: Int) throws {
    let path = directory.path("out")
    try make(path, careful)
    #expect(chmod(path, mode_t(mode)) == 0)
    try make(path, replacing)
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect(attributes[.posixPermissions] as? Int == mode | 0o700)
  }
}
