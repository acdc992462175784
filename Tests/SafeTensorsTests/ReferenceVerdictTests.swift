// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import SafeTensors
import Tensors
import TestSupport
import Testing

/// What the reference implementation said of each file in `Fixtures/safetensors`.
struct ReferenceVerdict: Decodable, Sendable {
  struct Tensor: Decodable, Sendable {
    let name: String
    let dtype: String
    let shape: [UInt]
    let data_offsets: [Int]
  }

  let accepted: Bool
  let tensors: [Tensor]?
  let metadata: [String: String]?

  static func load() throws -> [String: ReferenceVerdict] {
    try JSONDecoder().decode(
      [String: ReferenceVerdict].self,
      from: Data(contentsOf: URL(fileURLWithPath: Fixtures.path("safetensors/verdicts.json"))))
  }
}

/// Files that the reference takes and we refuse: a name that comes twice (R14).
func isRefusedByPolicy(_ name: String) -> Bool {
  name.hasPrefix("refuse/duplicate-tensor-name")
    || name == "accept/metadata-duplicate-key.safetensors"
}

@Suite("Verdicts of the reference")
struct ReferenceVerdictTests {
  @Test("every fixture is judged and read as the reference does")
  func fixtures() throws {
    let verdicts = try ReferenceVerdict.load()
    #expect(verdicts.count >= 200)
    for (name, verdict) in verdicts.sorted(by: { $0.key < $1.key }) {
      let path = Fixtures.path("safetensors/" + name)
      if verdict.accepted, !isRefusedByPolicy(name) {
        let file = try SafeTensorsFile(path: path)
        expectSame(file, verdict, name)
      } else {
        let error = #expect(throws: CheckpointError.self, "\(name)") {
          try SafeTensorsFile(path: path)
        }
        #expect(error?.path == path, "\(name)")
      }
    }
  }

  private func expectSame(_ file: SafeTensorsFile, _ verdict: ReferenceVerdict, _ name: String) {
    let expected = verdict.tensors ?? []
    #expect(file.tensorCount == expected.count, "\(name)")
    for tensor in expected {
      let tensorName = TensorName(tensor.name)
      guard let index = file.index(of: tensorName) else {
        Issue.record("\(name): no tensor \(tensor.name)")
        continue
      }
      let found = file.tensor(at: index)
      #expect(found.name == tensorName, "\(name)")
      #expect(found.dtype.name == tensor.dtype, "\(name)")
      #expect(found.shape.dimensions == tensor.shape, "\(name)")
      #expect(found.dataOffsets == tensor.data_offsets[0]..<tensor.data_offsets[1], "\(name)")
    }
    let metadata = file.metadata.map { metadata in
      Dictionary(uniqueKeysWithValues: metadata.entries.map { ($0.key.string, $0.value) })
    }
    #expect(metadata == verdict.metadata, "\(name)")
  }
}
