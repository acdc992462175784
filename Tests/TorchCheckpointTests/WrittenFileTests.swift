// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import Foundation
import SafeTensors
import Tensors
import TestSupport
import Testing
import TorchCheckpoint

/// A file that torch wrote, and what torch says is in it.
struct WrittenFile: Sendable, CustomTestStringConvertible {
  let name: String

  var testDescription: String { name }
  var path: String { Fixtures.path("torch/written/\(name).bin") }
  var truthPath: String { Fixtures.path("torch/written/\(name).safetensors") }

  static let all: [WrittenFile] = {
    let names = (try? files(below: Fixtures.path("torch/written"))) ?? []
    return names.filter { $0.hasSuffix(".bin") }.map { WrittenFile(name: String($0.dropLast(4))) }
  }()

  /// A note in the metadata of the truth.
  func note<T: Decodable>(_ key: UTF8Text, as type: T.Type) throws -> T {
    let text = try #require(try SafeTensorsFile(path: truthPath).metadata?[key])
    return try JSONDecoder().decode(type, from: Data(text.utf8))
  }
}

/// One entry of the note `skipped`: name, type, and whether it is a tensor.
struct SkippedNote: Decodable, Equatable {
  let name: String
  let type: String
  let isTensor: Bool

  init(name: String, type: String, isTensor: Bool) {
    self.name = name
    self.type = type
    self.isTensor = isTensor
  }

  init(from decoder: any Decoder) throws {
    var fields = try decoder.unkeyedContainer()
    name = try fields.decode(String.self)
    type = try fields.decode(String.self)
    isTensor = try fields.decode(Bool.self)
  }
}

@Suite("Files that torch wrote")
struct WrittenFileTests {
  @Test("there are files of several versions and kinds")
  func census() {
    #expect(WrittenFile.all.count >= 50)
  }

  @Test("tensors, their order and what is skipped are as torch says", arguments: WrittenFile.all)
  func contents(_ written: WrittenFile) throws {
    let file = try TorchFile(path: written.path)
    let truth = try SafeTensorsFile(path: written.truthPath)
    if written.name != "handmade-torchscript" {
      let order = try written.note("order", as: [String].self)
      #expect(file.tensors.map(\.name) == order.map { TensorName($0) })
      let skipped = try written.note("skipped", as: [SkippedNote].self)
      let found = file.skipped.map {
        SkippedNote(name: $0.name.string, type: $0.type, isTensor: $0.isTensor)
      }
      #expect(found == skipped)
    }
    for tensor in truth.tensors {
      let index = try #require(file.index(of: tensor.name), "\(tensor.name)")
      let found = file.tensor(at: index)
      #expect(found.dtype == tensor.dtype, "\(tensor.name)")
      #expect(found.shape == tensor.shape, "\(tensor.name)")
      #expect(found.dataOffsets == nil)
      #expect(try data(of: index, in: file) == data(of: tensor, in: truth), "\(tensor.name)")
    }
  }

  @Test("copying gives the same bytes as lending", arguments: WrittenFile.all)
  func copies(_ written: WrittenFile) throws {
    let directory = try TemporaryDirectory()
    let file = try TorchFile(path: written.path)
    var expected: [UInt8] = []
    let policy = OutputPolicy(replacesExisting: false, synchronizes: false)
    var output = try AtomicFile(path: directory.path("data"), policy: policy)
    // A file opened anew, so that checksums are computed while copying.
    let again = try TorchFile(path: written.path)
    for index in 0..<file.tensorCount {
      try again.copyTensor(at: index, to: &output)
      expected += try data(of: index, in: file)
    }
    try output.commit()
    #expect(try bytes(of: directory.path("data")) == expected)
  }

  @Test("aliases are those of torch", arguments: WrittenFile.all)
  func aliases(_ written: WrittenFile) throws {
    guard written.name != "handmade-torchscript" else { return }
    let file = try TorchFile(path: written.path)
    let expected = try written.note("aliases", as: [String].self)
    let found = (0..<file.tensorCount).filter {
      file.alias(of: $0) != nil && file.tensor(at: $0).byteCount > 0
    }
    #expect(found.map { file.tensor(at: $0).name.string } == expected)
  }

  private func data(of index: Int, in archive: TorchFile) throws -> [UInt8] {
    try archive.withTensor(at: index) { view throws(CheckpointError) in
      view.bytes.withUnsafeBytes { [UInt8]($0) }
    }
  }

  private func data(of tensor: TensorInfo, in archive: SafeTensorsFile) throws -> [UInt8] {
    let index = try #require(archive.index(of: tensor.name))
    return try archive.withTensor(at: index) { view throws(CheckpointError) in
      view.bytes.withUnsafeBytes { [UInt8]($0) }
    }
  }
}
