// SPDX-License-Identifier: Apache-2.0
import Archives
import Files
import Foundation
import Pickle
import Tensors
import TestSupport
import Testing

@testable import TorchCheckpoint

/// A file that must be refused, and the words of its refusal.
struct HostileFile: Sendable, CustomTestStringConvertible {
  struct Expectation: Decodable, Sendable {
    let code: String
    let says: String
  }

  let name: String
  let expectation: Expectation

  var testDescription: String { name }
  var path: String { Fixtures.path("torch/hostile/\(name).bin") }

  static let all: [HostileFile] = {
    let path = Fixtures.path("torch/hostile/expectations.json")
    let table =
      (try? JSONDecoder().decode(
        [String: Expectation].self, from: Data(contentsOf: URL(fileURLWithPath: path)))) ?? [:]
    return table.sorted { $0.key < $1.key }.map { HostileFile(name: $0.key, expectation: $0.value) }
  }()

  var code: CheckpointError.Code {
    switch expectation.code {
    case "unsupported": .unsupported
    case "truncated": .truncated
    case "unrecognized": .unrecognized
    default: .malformed
    }
  }

  /// The files expand little, so that other software survives them; these limits are lower still.
  static let limits: PickleLimits = {
    var limits = PickleLimits().with(graphByteCount: 1 << 18, tableByteCount: 1 << 18)
    limits.depth = 200
    limits.items = 10_000
    limits.stack = 1 << 15
    limits.expansion = 1 << 16
    limits.deflatedPickle = 1 << 20
    return limits
  }()

  /// Opens the file and reads every tensor, as a reader that takes only what is safe for Python.
  func read() throws {
    let file = try TorchFile(
      InputFile(path: path), memory: PickleMemory(), limits: HostileFile.limits)
    for index in 0..<file.tensorCount {
      try file.withTensor(at: index) { _ throws(CheckpointError) in }
    }
    if let request = file.codeRequest { throw request }
  }
}

@Suite("Hostile files")
struct HostileFileTests {
  @Test("every category has several files")
  func census() {
    let categories = Dictionary(grouping: HostileFile.all) { $0.name.prefix(2) }
    #expect(categories.count == 23)
    for (category, files) in categories { #expect(files.count >= 4, "\(category)") }
  }

  @Test("is refused, with what is wrong and where", arguments: HostileFile.all)
  func refused(_ hostile: HostileFile) throws {
    let error = #expect(throws: CheckpointError.self) { try hostile.read() }
    guard let error else { return }
    #expect(error.code == hostile.code, "\(error)")
    let words = hostile.expectation.says.split(separator: "|")
    #expect(words.contains { error.message.contains($0) }, "\(error)")
    #expect(error.path == hostile.path, "\(error)")
    #expect(error.offset != nil || error.tensor != nil, "\(error)")
    #expect(error.description.utf8.count < 1000, "\(error)")
  }

  @Test(
    "the files that the hostile ones are made of are read",
    arguments: [
      "00-good", "00-good-legacy", "00-good-tar", "00-good-plain-zip", "00-good-comment",
      "00-good-unchecked-data",
    ])
  func good(_ name: String) throws {
    let file = try TorchFile(path: Fixtures.path("torch/hostile/\(name).bin"))
    #expect(file.tensors.map(\.name) == ["w"])
    let values = try file.withTensor(at: 0) { view throws(CheckpointError) in
      (0..<4).map { view.bytes.unsafeLoadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
    }
    #expect(values == [1, 2, 3, 4])
  }
}
