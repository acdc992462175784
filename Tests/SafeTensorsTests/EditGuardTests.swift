// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import SafeTensors
import Tensors
import TestSupport
import Testing

/// What somebody else does to a file between its opening and its change.
enum Meddling: CaseIterable, Sendable {
  case grow, touch, replace, remove, rewriteHeader

  func perform(on path: String) throws {
    let url = URL(fileURLWithPath: path)
    let content = try Data(contentsOf: url)
    var status = stat()
    #expect(stat(path, &status) == 0)
    switch self {
    case .grow: try (content + [0]).write(to: url)
    case .touch:
      var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
      #expect(utimensat(AT_FDCWD, path, &times, 0) == 0)
    case .replace:
      try content.write(to: url.appendingPathExtension("new"))
      #expect(rename(path + ".new", path) == 0)
    case .remove: #expect(unlink(path) == 0)
    case .rewriteHeader:
      // As many bytes at the same time: only the header itself tells.
      let handle = try FileHandle(forWritingTo: url)
      try handle.seek(toOffset: 8 + 18)
      try handle.write(contentsOf: [UInt8(ascii: "z")])
      try handle.close()
      var times = [status.st_atim, status.st_mtim]
      #expect(utimensat(AT_FDCWD, path, &times, 0) == 0)
    }
  }
}

@Suite("Changing the metadata of files that others change (E5, E7, E8)")
struct EditGuardTests {
  let directory: TemporaryDirectory
  let path: String
  static let quick = OutputPolicy(replacesExisting: true, synchronizes: false)
  static let text =
    #"{"__metadata__":{"a":"b"},"x":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}          "#

  init() throws {
    directory = try TemporaryDirectory()
    path = try directory.write(framed(Array(Self.text.utf8), [1, 2, 3]), to: "x.safetensors")
  }

  private func makeEdit() throws -> SafeTensorsEdit {
    try SafeTensorsEdit(of: SafeTensorsFile(path: path), metadata: ["a": "new"])
  }

  private func inode(of path: String) -> ino_t {
    var status = stat()
    #expect(stat(path, &status) == 0)
    return status.st_ino
  }

  @Test("in place, nothing is written over what was not read (E7)", arguments: Meddling.allCases)
  func inPlace(meddling: Meddling) throws {
    let edit = try makeEdit()
    try meddling.perform(on: path)
    let content = try? bytes(of: path)
    let error = #expect(throws: CheckpointError.self) {
      try edit.applyInPlace(synchronizes: false)
    }
    #expect(error?.code == (meddling == .remove ? .missing : .mismatch))
    #expect(error?.path == path)
    #expect((try? bytes(of: path)) == content)
  }

  @Test(
    "written anew, nothing takes the place of what was not read (E5)", arguments: Meddling.allCases)
  func anew(meddling: Meddling) throws {
    // The header alone, rewritten at the same time, is not data that is copied.
    guard meddling != .rewriteHeader else { return }
    let edit = try makeEdit()
    try meddling.perform(on: path)
    let content = try? bytes(of: path)
    for target in ["x.safetensors", "out"] {
      let error = #expect(throws: CheckpointError.self) {
        try edit.write(to: directory.path(target), policy: Self.quick)
      }
      #expect(error?.code == (meddling == .remove ? .missing : .mismatch))
      #expect(error?.path == path)
    }
    #expect((try? bytes(of: path)) == content)
    #expect(try directory.names == (meddling == .remove ? [] : ["x.safetensors"]))
  }

  @Test("data that has shrunk is an error, and leaves nothing (E5)")
  func shrunk() throws {
    let text = #"{"x":{"dtype":"U8","shape":[100000],"data_offsets":[0,100000]}}"#
    _ = try directory.write(
      framed(Array(text.utf8), [UInt8](repeating: 7, count: 100_000)), to: "x.safetensors")
    let edit = try makeEdit()
    #expect(truncate(path, 50) == 0)
    let error = #expect(throws: CheckpointError.self) {
      try edit.write(to: directory.path("out"), policy: Self.quick)
    }
    #expect(error?.code == .truncated)
    #expect(try directory.names == ["x.safetensors"])
  }

  @Test("a file that is locked is refused, and taken again when the lock is gone (E7)")
  func locked() throws {
    let content = try bytes(of: path)
    let edit = try makeEdit()
    let descriptor = open(path, O_RDONLY)
    #expect(flock(descriptor, LOCK_SH | LOCK_NB) == 0)
    let error = #expect(throws: CheckpointError.self) {
      try edit.applyInPlace(synchronizes: false)
    }
    #expect(error?.code == .system && error?.path == path)
    #expect(try bytes(of: path) == content)
    close(descriptor)
    #expect(try edit.applyInPlace(synchronizes: false))
    #expect(try SafeTensorsFile(path: path).metadata == ["a": "new"])
  }

  @Test("a file that nobody may write is refused in place, to root too (E7)")
  func readOnly() throws {
    let content = try bytes(of: path)
    chmod(path, 0o444)
    let edit = try makeEdit()
    let error = #expect(throws: CheckpointError.self) {
      try edit.applyInPlace(synchronizes: false)
    }
    #expect(error?.code == .system && error?.message == "is read-only")
    #expect(try bytes(of: path) == content)
    // Written anew it is another file, with the same permissions.
    try edit.write(to: path, policy: Self.quick)
    #expect(try SafeTensorsFile(path: path).metadata == ["a": "new"])
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o444)
  }

  @Test("links: in place all names show the change, written anew the others keep theirs (E8)")
  func links() throws {
    let (hard, soft) = (directory.path("hard"), directory.path("soft"))
    #expect(link(path, hard) == 0 && symlink("x.safetensors", soft) == 0)
    let before = inode(of: path)
    let edit = try SafeTensorsEdit(of: SafeTensorsFile(path: soft), metadata: ["a": "1"])
    #expect(edit.nameCount == 2)
    #expect(try edit.applyInPlace(synchronizes: true))
    for name in [path, hard, soft] {
      #expect(try SafeTensorsFile(path: name).metadata == ["a": "1"])
      #expect(inode(of: name) == before)
    }
    try SafeTensorsEdit(of: SafeTensorsFile(path: soft), metadata: ["a": "2"])
      .write(to: soft, policy: Self.quick)
    try SafeTensorsEdit(of: SafeTensorsFile(path: hard), metadata: nil)
      .write(to: hard, policy: Self.quick)
    #expect(try SafeTensorsFile(path: path).metadata == ["a": "1"])
    #expect(try SafeTensorsFile(path: soft).metadata == ["a": "2"])
    #expect(try SafeTensorsFile(path: hard).metadata == nil)
    #expect(inode(of: path) == before)
  }
}
