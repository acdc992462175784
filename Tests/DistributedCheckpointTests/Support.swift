// SPDX-License-Identifier: Apache-2.0
import Archives
import Foundation
import SafeTensors
import Tensors
import TestSupport
import Testing

@testable import DistributedCheckpoint

/// A copy of a checkpoint of the fixtures, for a test to damage.
struct CheckpointCopy {
  let directory: TemporaryDirectory

  init(_ name: String) throws {
    directory = try TemporaryDirectory()
    let source = Fixtures.path("distributed/" + name)
    for file in try files(below: source) {
      let target = URL(fileURLWithPath: directory.path(file))
      try FileManager.default.createDirectory(
        at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        at: URL(fileURLWithPath: source + "/" + file), to: target)
    }
  }

  /// Opens the checkpoint; nil when there is none.
  func open() throws(CheckpointError) -> AssembledArchive? {
    try DistributedDirectory.open(existing: directory.path)
  }

  /// Removes a file.
  func remove(_ file: String) throws {
    try FileManager.default.removeItem(atPath: directory.path(file))
  }

  /// Replaces the first occurrence of bytes in a file after the first occurrence of others.
  func replace(
    _ old: [UInt8], with new: [UInt8], in file: String, after mark: [UInt8] = []
  ) throws {
    var bytes = try TestSupport.bytes(of: directory.path(file))
    let start = try mark.isEmpty ? 0 : #require(bytes.firstRange(of: mark)).upperBound
    let place = try #require(bytes[start...].firstRange(of: old))
    bytes.replaceSubrange(place, with: new)
    try directory.write(bytes, to: file)
  }

  /// Replaces text by text of the same length in `.metadata`.
  func replace(_ old: String, with new: String) throws {
    #expect(old.utf8.count == new.utf8.count)
    try replace(Array(old.utf8), with: Array(new.utf8), in: ".metadata")
  }
}

extension TensorArchive {
  /// The bytes of a tensor, read in pieces.
  func bytes(of name: TensorName) throws -> [UInt8] {
    let place = try #require(self.index(of: name))
    var bytes: [UInt8] = []
    try readTensor(at: place) { piece throws(CheckpointError) in
      for offset in 0..<piece.byteCount {
        bytes.append(piece.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
      }
    }
    return bytes
  }
}

/// Checks that two archives have the same tensors.
func expectSame(_ found: any TensorArchive, _ expected: any TensorArchive) throws {
  #expect(Set(found.tensors.map(\.name)) == Set(expected.tensors.map(\.name)))
  for index in 0..<expected.tensorCount {
    let info = expected.tensor(at: index)
    let place = try #require(found.index(of: info.name))
    let other = found.tensor(at: place)
    #expect(other.dtype == info.dtype, "\(info.name)")
    #expect(other.shape == info.shape, "\(info.name)")
    #expect(try found.bytes(of: info.name) == expected.bytes(of: info.name), "\(info.name)")
    // A tensor that is lent is the same as one that is read.
    let count = try found.withTensor(at: place) { view throws(CheckpointError) in
      view.bytes.byteCount
    }
    #expect(count == info.byteCount)
  }
}
