// SPDX-License-Identifier: Apache-2.0
import Files
import SafeTensors
import Tensors
import TestSupport
import Testing
import TorchCheckpoint

@Suite("Writing torch checkpoints")
struct WritingTests {
  @Test("each file is the one that torch saves, byte for byte, for every release tried")
  func reproducesTorch() throws {
    let directory = try TemporaryDirectory()
    var comparisons = 0
    for (name, vector) in try WritingVector.load().sorted(by: { $0.key < $1.key }) {
      let entries = try vector.torchEntries()
      let releases = Dictionary(grouping: vector.releases, by: \.value.layout)
      for (layout, releases) in releases {
        let layout = try #require(TorchLayout(rawValue: layout))
        let bytes = try written(entries, to: directory.path(vector.file), layout: layout) {
          WritingVector.data(of: entries[$0].tensor, index: $0)
        }
        let digest = SHA256.digest(of: bytes)
        for (release, expected) in releases {
          #expect(bytes.count == expected.size, "\(name), torch \(release)")
          #expect(digest == expected.sha256, "\(name), torch \(release)")
          comparisons += 1
        }
      }
    }
    #expect(comparisons > 150)
  }

  @Test("data that comes from a safetensors file, in pieces and in another order")
  func fromSafetensors() throws {
    let directory = try TemporaryDirectory()
    for name in ["large", "plain-dtypes", "new-dtypes", "newest-dtypes", "kinds"] {
      let vector = try #require(WritingVector.load()[name])
      let entries = try vector.torchEntries()
      let twin = directory.path("twin.safetensors")
      var output = try AtomicFile(
        path: twin, policy: OutputPolicy(replacesExisting: true, synchronizes: false))
      try SafeTensorsWriter.write(entries.map(\.tensor), metadata: nil, to: &output) {
        index, output throws(CheckpointError) in
        let data = WritingVector.data(of: entries[index].tensor, index: index)
        try output.write(data.span.rawBytes)
      }
      try output.commit()

      let archive = try SafeTensorsFile(path: twin)
      let path = directory.path(vector.file)
      output = try AtomicFile(
        path: path, policy: OutputPolicy(replacesExisting: true, synchronizes: false))
      try TorchWriter.write(entries, path: path, to: &output) {
        index, output throws(CheckpointError) in
        guard let source = archive.index(of: entries[index].tensor.name) else { return }
        try archive.copyTensor(at: source, to: &output)
      }
      try output.commit()
      let expected = vector.releases["2.15.0"]?.sha256
      #expect(try SHA256.digest(of: bytes(of: path)) == expected, "\(name)")
    }
  }

  @Test("what torch cannot hold is refused by name", arguments: Refusal.all)
  func refuses(_ refusal: Refusal) throws {
    let directory = try TemporaryDirectory()
    let error = #expect(throws: CheckpointError.self) {
      try written(
        refusal.entries(), to: directory.path("out.bin"), layout: refusal.layout, data: { _ in [] })
    }
    #expect(error?.code == refusal.code)
    #expect(error?.tensor == "t")
    #expect(try directory.names.isEmpty)
  }

  @Test("a file name that leaves no name for the folder is refused", arguments: [".bin", "a/.pt"])
  func emptyStem(name: String) throws {
    let directory = try TemporaryDirectory()
    let error = #expect(throws: CheckpointError.self) {
      var output = try AtomicFile(path: directory.path("out"), policy: OutputPolicy())
      try TorchWriter.write([], path: name, to: &output) { _, _ in }
    }
    #expect(error?.code == .invalidArgument)
    #expect(error?.path == name)
  }

  @Test("an error of the source names the tensor, and nothing is left behind")
  func failingSource() throws {
    let directory = try TemporaryDirectory()
    let entry = TorchEntry(try TensorInfo(name: "t", dtype: .uint8, shape: [4]))
    let error = #expect(throws: CheckpointError.self) {
      var output = try AtomicFile(path: directory.path("out.bin"), policy: OutputPolicy())
      try TorchWriter.write([entry], path: "out.bin", to: &output) {
        _, _ throws(CheckpointError) in
        throw .malformed("no data")
      }
    }
    #expect(error?.tensor == "t")
    #expect(try directory.names.isEmpty)
  }
}

/// A tensor, named "t", that torch does not have.
struct Refusal: Sendable, CustomTestStringConvertible {
  let tensors: [(DType, Shape)]
  var layout = TorchLayout.newest
  var code = CheckpointError.Code.unsupported

  var testDescription: String { "\(tensors), layout \(layout.rawValue)" }

  func entries() throws -> [TorchEntry] {
    try tensors.map { TorchEntry(try TensorInfo(name: "t", dtype: $0.0, shape: $0.1)) }
  }

  static let all = [
    Refusal(tensors: [(.float6E2M3, [4])]),
    Refusal(tensors: [(.float6E3M2, [8])]),
    Refusal(tensors: [(.float4E2M1, [2, 1])]),
    Refusal(tensors: [(.float4E2M1, [2, 4])], layout: .v2_1),
    Refusal(tensors: [(.float8E8M0FNU, [2])], layout: .v2_1),
    Refusal(tensors: [(.uint16, [2])], layout: .v1_13),
    Refusal(tensors: [(.float8E4M3FN, [2])], layout: .v1_13),
    Refusal(tensors: [(.uint8, [0, 1 << 63])]),
    Refusal(tensors: [(.uint8, [0, 1 << 40, 1 << 40])]),
    Refusal(tensors: [(.uint8, [1]), (.uint8, [1])], code: .malformed),
  ]
}
