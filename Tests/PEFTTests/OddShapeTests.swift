// SPDX-License-Identifier: Apache-2.0
import JSONDocument
import SafeTensors
import Tensors
import TestSupport
import Testing

@testable import PEFT

@Suite("Shapes that other layers do not have")
struct OddShapeTests {
  private func findings(
    _ shapes: [(String, [Int])], method: String = "MISS", keys: JSONObject = [:]
  ) throws -> [Finding] {
    let directory = try TemporaryDirectory()
    let tensors = shapes.map { name, shape in
      RawSafeTensors.Tensor(
        name, "F32", shape.map(UInt64.init), [UInt8](repeating: 63, count: 4 * shape.reduce(1, *)))
    }
    let path = try directory.write(RawSafeTensors(tensors).encoded(), to: "a.safetensors")
    var document: JSONObject = [
      "peft_type": .string(method), "r": 4, "target_modules": ["q_proj", "k_proj"],
    ]
    for member in keys { document[member.key] = member.value }
    let attachment = try Attachment(
      AdapterConfig(document: document), try SafeTensorsFile(path: path))
    return attachment.findings.filter { $0.severity == .error }
  }

  private func miss(_ extents: [Int], _ place: String = "q_proj") -> [(String, [Int])] {
    extents.enumerated().map {
      ("base_model.model.layers.\($0.offset).\(place).miss_block", [4, $0.element])
    }
  }

  @Test("one tensor of another shape is an error, several are layers of several kinds (A36)")
  func one() throws {
    #expect(try findings(miss([16, 16, 16])) == [])
    let odd = try findings(miss([16, 17, 16]))
    #expect(odd.map(\.code) == ["shape-mismatch"])
    #expect(odd.map(\.tensor) == ["base_model.model.layers.1.q_proj.miss_block"])
    #expect(try findings(miss([16, 17, 18])) == [])
    #expect(try findings(miss([16, 17, 16]) + miss([8, 9, 8], "k_proj")) == [])
  }

  @Test("of two layers the odd one has the less even extent, if other tensors are alike (A36)")
  func two() throws {
    #expect(try findings(miss([16, 15])) == [])
    let (q, k) = ("self_attn.q_proj", "self_attn.k_proj")
    let odd = try findings(miss([15, 16], q) + miss([8, 8], k))
    #expect(odd.map(\.tensor) == ["base_model.model.layers.0.self_attn.q_proj.miss_block"])
    // Two stages may have a projection each.
    #expect(try findings(miss([15, 16]) + miss([8, 8], "k_proj")) == [])
  }

  @Test(
    "of two tensors that contradict each other, the one to blame differs from other layers (A37)")
  func contradiction() throws {
    func layer(_ number: Int, a: [Int], b: [Int]) -> [(String, [Int])] {
      let module = "base_model.model.layers.\(number).q_proj."
      return [(module + "supertuning_indices", b), (module + "supertuning_values", a)]
    }
    let usual = layer(0, a: [25], b: [25])
    let first = try findings(
      usual + layer(1, a: [26], b: [25]), method: "SUPERTUNING", keys: ["r": .null])
    #expect(first.map(\.tensor) == ["base_model.model.layers.1.q_proj.supertuning_values"])
    let second = try findings(
      usual + layer(1, a: [25], b: [26]), method: "SUPERTUNING", keys: ["r": .null])
    #expect(second.map(\.tensor) == ["base_model.model.layers.1.q_proj.supertuning_indices"])
  }

  @Test("two matrices that PEFT would not make of any weight are an error (A37)")
  func unused() throws {
    func matrices(_ small: [Int], _ large: [Int]) throws -> [Finding.Code] {
      let module = "base_model.model.layers.0.q_proj."
      return try findings(
        [(module + "lokr_w1", small), (module + "lokr_w2", large)], method: "LOKR"
      ).map(\.code)
    }
    #expect(try matrices([4, 4], [4, 6]) == [])
    #expect(try matrices([5, 4], [4, 6]) == ["shape-mismatch"])
  }
}
