// SPDX-License-Identifier: Apache-2.0
import Archives
import Foundation
import SafeTensors
import Tensors
import TestSupport
import Testing
import TorchCheckpoint

/// A torch file with objects, and the tensors that it must be read as.
struct ObjectFile: Sendable, CustomTestStringConvertible {
  let name: String
  /// Words of the notes; none for a file that is data only.
  let notes: [String]

  var testDescription: String { name }

  static func path(_ name: String) -> String { Fixtures.path("torch/modules/" + name) }

  static let all: [ObjectFile] = {
    let url = URL(fileURLWithPath: path("expectations.json"))
    let table =
      (try? JSONDecoder().decode([String: [String]].self, from: Data(contentsOf: url))) ?? [:]
    return table.sorted { $0.key < $1.key }.map { ObjectFile(name: $0.key, notes: $0.value) }
  }()
}

@Suite("Whole modules and other objects (T26 to T28)")
struct ObjectFileTests {
  @Test("there are files of several kinds")
  func census() {
    #expect(ObjectFile.all.count >= 14)
  }

  @Test("tensors have the names and bytes of state_dict()", arguments: ObjectFile.all)
  func tensors(_ object: ObjectFile) throws {
    let file = try TorchFile(path: ObjectFile.path(object.name + ".pt"))
    let truth = try SafeTensorsFile(path: ObjectFile.path(object.name + ".safetensors"))
    #expect(Set(file.tensors.map(\.name)) == Set(truth.tensors.map(\.name)))
    for index in 0..<truth.tensorCount {
      let expected = truth.tensor(at: index)
      let place = try #require(file.index(of: expected.name))
      let found = file.tensor(at: place)
      #expect(found.dtype == expected.dtype && found.shape == expected.shape, "\(expected.name)")
      #expect(try bytes(of: place, in: file) == bytes(of: index, in: truth), "\(expected.name)")
    }
  }

  @Test("a note says what was read without running code", arguments: ObjectFile.all)
  func notes(_ object: ObjectFile) throws {
    let file = try TorchFile(path: ObjectFile.path(object.name + ".pt"))
    let notes = file.notes.joined(separator: "\n")
    for words in object.notes { #expect(notes.contains(words), "\(notes)") }
    #expect((file.codeRequest == nil) == object.notes.isEmpty)
    let error = failure { () throws(CheckpointError) in try file.requireDataOnly() }
    #expect(error?.code == (object.notes.isEmpty ? nil : .unsupported))
  }

  private func bytes(of index: Int, in archive: any TensorArchive) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try archive.readTensor(at: index) { piece throws(CheckpointError) in
      for offset in 0..<piece.byteCount {
        bytes.append(piece.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
      }
    }
    return bytes
  }
}
